/** Deliveries in one command or document: far below the 16 MB that one may have. */
export const DELIVERIES_AT_ONCE = 2_000;

/** Cuts a list into parts of at most 2,000 deliveries each, in order; an item that has more is a part of its own. */
export function partsOf<T>(items: readonly T[], deliveriesOf: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const item of items) {
    const deliveries = deliveriesOf(item);
    if (parts.length === 0 || deliveries > room) {
      parts.push([]);
      room = DELIVERIES_AT_ONCE;
    }
    parts.at(-1)!.push(item);
    room -= deliveries;
  }
  return parts;
}
