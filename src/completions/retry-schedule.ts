const JITTER = 0.2;
/** However long a remote asks us to wait, we look again after a day. */
const RETRY_AFTER_CAP_MS = 86_400_000;

/**
 * How long to wait after the `attempts`-th failed attempt: the schedule's entry with ±20 % jitter, or what the remote
 * asked for if that is longer.
 *
 * @param attempts failed attempts so far, from 1
 * @param retryAfterMs the remote's Retry-After
 * @returns milliseconds, or undefined when the schedule is used up and the delivery is dead
 */
export function retryDelay(
  attempts: number,
  scheduleMs: readonly number[],
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  const base = scheduleMs[attempts - 1];
  if (base === undefined) return undefined;
  const jittered = base * (1 - JITTER + 2 * JITTER * random());
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS)));
}
