import type { SessionRecord } from '../completions/completion.js';
import { channelOf, type Delivery, deliveryId, idempotencyKey, integrationIdOf } from '../completions/delivery.js';
import type { HistoryEntry } from '../completions/delivery-history.js';
import type { DeliveryResource, DestinationResource } from './deliveries.dto.js';

/** Deliveries as they are answered. */

export function deliveryResource({ session, delivery }: HistoryEntry): DeliveryResource {
  const integrationId = integrationIdOf(delivery.destination);
  return {
    ...destinationResource(session, delivery),
    sessionId: session.sessionId,
    revision: session.revision,
    tenantId: session.tenantId,
    organizationId: session.organizationId,
    ...(integrationId === undefined ? {} : { webhookId: idempotencyKey(session._id, integrationId) }),
    foundAt: session.foundAt,
  };
}

export function destinationResource(session: Pick<SessionRecord, '_id'>, delivery: Delivery): DestinationResource {
  const { destination, state, attempts, reason, dueAt, lastStatus, lastError, at, log, parts, redeliveries } = delivery;
  return {
    id: deliveryId(session._id, destination),
    channel: channelOf(destination),
    destination,
    state,
    attempts,
    ...(reason === undefined ? {} : { reason }),
    ...(dueAt ? { nextAttemptAt: dueAt } : {}),
    ...(lastStatus === undefined ? {} : { lastStatus }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(at ? { lastAttemptAt: at } : {}),
    log,
    ...(parts ? { parts: parts.map(({ timeouts: _timeouts, ...part }) => part) } : {}),
    ...(redeliveries ? { redeliveries } : {}),
  };
}
