import type { CheckFigures } from './check-figures.js';

/** How soon it is looked again whether the deliveries that wait have become fewer. */
const PAUSED_MS = 10_000;
/** How soon the sessions that the pace left over are gone on with. */
const DEFERRED_MS = 1_000;
/** The shortest pause, as a part of the interval: hbf-core rests between two checks that take longer than it. */
const SHORTEST_PART = 1 / 10;

/** A check that ended well. */
export interface EndedCheck extends Pick<CheckFigures, 'paused' | 'deferred'> {
  durationMs: number;
}

/**
 * How long the scheduler waits after a check. The interval is from start to start, so that sessions that go quiet during
 * a long check are as soon found as any; less than that where the check left something to do.
 *
 * @param check undefined when it failed: then the interval is from its end
 */
export function pauseAfter(check: EndedCheck | undefined, intervalMs: number): number {
  if (!check) return intervalMs;
  const rest = Math.max(intervalMs - check.durationMs, intervalMs * SHORTEST_PART);
  if (check.paused) return Math.min(rest, PAUSED_MS);
  return check.deferred ? Math.min(rest, DEFERRED_MS) : rest;
}
