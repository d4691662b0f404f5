import type { CircuitState } from '../completions/circuit-states.js';
import { type Delivery, idempotencyKey, integrationIdOf } from '../completions/delivery.js';
import type { HistoryEntry } from '../completions/delivery-history.js';
import type { DeliveryResource, DestinationResource } from './deliveries.dto.js';

/** Deliveries as they are answered, each with the circuit of its destination. */

export function deliveryResource({ session, delivery }: HistoryEntry, circuit: CircuitState): DeliveryResource {
  return {
    id: session._id,
    sessionId: session.sessionId,
    revision: session.revision,
    tenantId: session.tenantId,
    webhookId: idempotencyKey(session._id, integrationIdOf(delivery.destination)!),
    foundAt: session.foundAt,
    ...destinationResource(delivery, circuit),
  };
}

export function destinationResource(delivery: Delivery, circuit: CircuitState): DestinationResource {
  const { destination, state, attempts, reason, dueAt, lastStatus, lastError, at, log, parts } = delivery;
  return {
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
    circuit,
  };
}

/** A delivery that is due waits for the probe of an open circuit. */
function later(dueAt: Date, nextProbeAt: Date | undefined): Date {
  return nextProbeAt && nextProbeAt > dueAt ? nextProbeAt : dueAt;
}
