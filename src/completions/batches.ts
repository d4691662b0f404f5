/** Deliveries in one command or document: far below the 16 MB that one may have. */
export const DELIVERIES_AT_ONCE = 2_000;

/** Cuts a list into batches of at most 2,000 deliveries each, in order; an item that has more is a batch of its own. */
export function batchesOf<T>(items: readonly T[], deliveriesOf: (item: T) => number): T[][] {
  const batches: T[][] = [];
  let room = 0;
  for (const item of items) {
    const deliveries = deliveriesOf(item);
    if (batches.length === 0 || deliveries > room) {
      batches.push([]);
      room = DELIVERIES_AT_ONCE;
    }
    batches.at(-1)!.push(item);
    room -= deliveries;
  }
  return batches;
}
