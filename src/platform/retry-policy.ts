import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';

/** Tries of one call, the first included. */
export const MAX_TRIES = 3;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Exponential backoff with full jitter: anything from nothing to 250 ms, 500 ms, 1 s, … so that callers who failed
 * together do not come back together. A Retry-After is kept to, plus that jitter.
 *
 * @param failedTries 1 after the first failure
 * @param random from 0 to 1
 * @returns undefined when the service wants us away for longer than a call should wait: give up instead
 */
export function pauseMs(failedTries: number, random: number, retryAfterMs = 0): number | undefined {
  if (retryAfterMs > LONGEST_PAUSE_MS) return undefined;
  const ceiling = Math.min(FIRST_PAUSE_MS * 2 ** (failedTries - 1), LONGEST_PAUSE_MS);
  return Math.round(retryAfterMs + random * ceiling);
}

/** @param header Retry-After: seconds or an HTTP date; @returns milliseconds from `now`, undefined when unreadable */
export function readRetryAfter(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** Chance and the passing of time, so that a test can replace both. */
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
