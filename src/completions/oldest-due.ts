import type { CompletionRepository } from './completion.repository.js';
import type { Destination } from './destination.schema.js';

/** A destination's announced due time may be too early, never too late: some of these have nothing due. */
const LOOKED_AT = 20;

/**
 * When the delivery was due that has been due for longest. Reads the first delivery of one destination, or of few more.
 *
 * @param announced those with something pending, the longest due first
 * @param now epoch milliseconds of the database's clock
 * @returns epoch milliseconds; `now` when nothing is due
 */
export async function oldestDue(
  announced: readonly Pick<Destination, '_id' | 'nextDueAt'>[],
  now: number,
  completions: Pick<CompletionRepository, 'earliestDue'>,
): Promise<number> {
  let oldest = now;
  for (const { _id, nextDueAt } of announced.slice(0, LOOKED_AT)) {
    if (nextDueAt!.getTime() >= oldest) break;
    const due = await completions.earliestDue(_id);
    if (due) oldest = Math.min(oldest, due.getTime());
  }
  return oldest;
}
