import type { MailNotSentError } from './mailer.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Waits after the 1st, 2nd, … failed attempt: two days in all. */
export const MAIL_RETRY_WAITS_MS = [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 12 * HOUR, 28 * HOUR] as const;

/**
 * @param attempts failed ones so far, 1 or more
 * @returns milliseconds until the next attempt; null to give up: two days have passed, or the server refused this mail
 *   with a permanent error. A failed login or connection is no such refusal: an operator mends it.
 */
export function retryWaitMs(attempts: number, error: MailNotSentError): number | null {
  const forGood = error.concernsThisMailOnly && (error.responseCode ?? 500) >= 500;
  return forGood ? null : (MAIL_RETRY_WAITS_MS[attempts - 1] ?? null);
}
