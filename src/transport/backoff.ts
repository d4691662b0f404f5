import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';

/** Tries of one call, the first included. */
export const MAX_TRIES = 3;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Exponential backoff with full jitter: a random part of 250 ms, 500 ms, 1 s, … so that callers that failed at the same
 * time do not all try again at the same time. A Retry-After is waited for in full, and the jitter comes on top.
 *
 * @param failedTries 1 after the first failure
 * @param random from 0 to 1
 * @returns milliseconds; undefined when Retry-After is longer than a call should wait: give up instead
 */
export function pauseMs(failedTries: number, random: number, retryAfterMs = 0): number | undefined {
  if (retryAfterMs > LONGEST_PAUSE_MS) return undefined;
  const ceiling = Math.min(FIRST_PAUSE_MS * 2 ** (failedTries - 1), LONGEST_PAUSE_MS);
  return Math.round(retryAfterMs + random * ceiling);
}

/** The random number and the wait of a backoff, injectable so that a test replaces both. */
@Injectable()
export class RetryTimer {
  random(): number {
    return Math.random();
  }

  /** @returns false when `signal` ended the wait early */
  wait(ms: number, signal: AbortSignal): Promise<boolean> {
    return delay(ms, true, { signal }).catch(() => false);
  }
}
