import { type Delivery, idempotencyKey, integrationIdOf } from '../completions/delivery.js';
import type { HistoryEntry } from '../completions/delivery-history.js';
import type { DeliveryResource, DestinationResource } from './deliveries.dto.js';

/** Deliveries as they are answered. */

export function deliveryResource({ session, delivery }: HistoryEntry): DeliveryResource {
  return {
    id: session._id,
    sessionId: session.sessionId,
    revision: session.revision,
    tenantId: session.tenantId,
    webhookId: idempotencyKey(session._id, integrationIdOf(delivery.destination)!),
    foundAt: session.foundAt,
    ...destinationResource(delivery),
  };
}

export function destinationResource(delivery: Delivery): DestinationResource {
  const { destination, state, attempts, reason, dueAt, lastStatus, lastError, at, log, parts } = delivery;
  return {
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
  };
}
