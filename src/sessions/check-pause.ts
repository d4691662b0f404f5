import type { CheckFigures } from './check-figures.js';

/** How soon it is looked again whether the deliveries that wait have become fewer. */
const PAUSED_MS = 10_000;
/** How soon the sessions that the pace left over are gone on with. */
const DEFERRED_MS = 1_000;

/**
 * How long the scheduler waits after a check: less than the interval where there is more to do.
 *
 * @param figures of the check that ended; undefined when it failed
 */
export function pauseAfter(figures: Pick<CheckFigures, 'paused' | 'deferred'> | undefined, intervalMs: number): number {
  if (figures?.paused) return Math.min(intervalMs, PAUSED_MS);
  return figures?.deferred ? Math.min(intervalMs, DEFERRED_MS) : intervalMs;
}
