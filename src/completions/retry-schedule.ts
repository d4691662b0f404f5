import type { AttemptOutcome } from './attempt-outcome.js';

/** What decides when a delivery is tried again, and whether. */
export interface SettlementRules {
  /** Milliseconds since the epoch. */
  now: number;
  retryScheduleMs: readonly number[];
  random: () => number;
}

const JITTER = 0.2;
/** However long a remote asks us to wait, we look again after a day. */
const RETRY_AFTER_CAP_MS = 86_400_000;
/** One try, and two more after it has timed out: flows that run at each of them would run again and again. */
const TIMEOUTS_AT_MOST = 3;

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

/** What was tried so far, this failure included. */
export interface Tries {
  attempts: number;
  /** Since the latest redelivery. */
  failures: number;
  /** Of which nobody knows whether they had an effect; since the latest redelivery. */
  timeouts: number;
}

/**
 * Whether there is no further attempt after a failure.
 *
 * @param waits how many the retry schedule has
 * @returns the reason; undefined: it is tried again
 */
export function whyDead(
  { retryable, code }: Extract<AttemptOutcome, { result: 'failed' }>,
  { attempts, failures, timeouts }: Tries,
  waits: number,
): string | undefined {
  if (!retryable) return `${code}: trying again cannot help`;
  if (timeouts >= TIMEOUTS_AT_MOST) return 'outcome unknown';
  return failures > waits ? `failed ${attempts} times` : undefined;
}
