import type { CircuitState } from '../completions/circuit-states.js';
import type { SessionRecord } from '../completions/completion.js';
import { channelOf, type Delivery, deliveryId, idempotencyKey, integrationIdOf } from '../completions/delivery.js';
import type { HistoryEntry } from '../completions/delivery-history.js';
import type { DeliveryResource, DestinationResource } from './deliveries.dto.js';

/** Deliveries as they are answered, each with the circuit of its destination. */

export function deliveryResource({ session, delivery }: HistoryEntry, circuit: CircuitState): DeliveryResource {
  const integrationId = integrationIdOf(delivery.destination);
  return {
    ...destinationResource(session, delivery, circuit),
    sessionId: session.sessionId,
    revision: session.revision,
    tenantId: session.tenantId,
    organizationId: session.organizationId,
    ...(integrationId === undefined ? {} : { webhookId: idempotencyKey(session._id, integrationId) }),
    foundAt: session.foundAt,
  };
}

export function destinationResource(
  session: Pick<SessionRecord, '_id'>,
  delivery: Delivery,
  circuit: CircuitState,
): DestinationResource {
  const { destination, state, attempts, reason, dueAt, lastStatus, lastError, at, log, parts, redeliveries } = delivery;
  return {
    id: deliveryId(session._id, destination),
    channel: channelOf(destination),
    destination,
    state,
    attempts,
    ...(reason === undefined ? {} : { reason }),
    ...(dueAt ? { nextAttemptAt: later(dueAt, circuit.nextProbeAt) } : {}),
    ...(lastStatus === undefined ? {} : { lastStatus }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(at ? { lastAttemptAt: at } : {}),
    log,
    ...(parts ? { parts: parts.map(({ timeouts: _timeouts, ...part }) => part) } : {}),
    ...(redeliveries ? { redeliveries } : {}),
    circuit,
  };
}

/** A delivery that is due waits for the probe of an open circuit. */
function later(dueAt: Date, nextProbeAt: Date | undefined): Date {
  return nextProbeAt && nextProbeAt > dueAt ? nextProbeAt : dueAt;
}
