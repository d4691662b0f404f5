import type { Completion } from './completion.js';
import type { DeliveryChange } from './completion.repository.js';
import { type Delivery, listedAs } from './delivery.js';

/** Of a completion that could not be written: so many deliveries are kept, the platform's own first. */
const KEPT = 100;
const MESSAGE_LENGTH = 200;

/** What is written in place of a completion that the database refuses (larger than a document may be): nothing pending. */
export function unwritableCompletion(completion: Completion, error: unknown): Completion {
  const kept = completion.deliveries.slice(0, KEPT);
  return {
    ...completion,
    open: false,
    deliveries: kept.map((delivery) => unwritable(delivery, error)),
    leftOut: completion.leftOut.slice(0, KEPT),
  };
}

/** What is written in place of an outcome that the database refuses. */
export function unwritableChange(change: DeliveryChange, error: unknown): DeliveryChange {
  return { ...change, delivery: unwritable(change.delivery, error) };
}

function unwritable(delivery: Delivery, error: unknown): Delivery {
  const { destination, state, claims, attempts, at } = delivery;
  const short = { destination, claims, attempts, at, log: [] };
  if (state === 'delivered') return { ...short, state };
  if (state === 'cancelled') return { ...short, state, listed: delivery.listed, reason: delivery.reason };
  const message = (error as Error).message.slice(0, MESSAGE_LENGTH);
  return {
    ...short,
    state: 'dead',
    listed: listedAs('dead', destination),
    reason: `its outcome could not be written: ${message}`,
  };
}
