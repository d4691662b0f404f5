import type { Missing } from './delivery.js';
import type { DeliveryResult } from './transitions.js';

const MINUTE_MS = 60_000;
/** When hbf-core is asked again after the first answers, in milliseconds; the last one from then on. */
const ASK_AGAIN_MS = [1, 5, 15, 60].map((minutes) => minutes * MINUTE_MS);
/** hbf-core answered nothing else either: it may be back at any time. */
const ASK_AGAIN_UNCOUNTED_MS = MINUTE_MS;
/** hbf-core must have said so at least so often, and over at least this time. */
const GONE_AFTER_TIMES = 6;
const GONE_AFTER_MS = 6 * 60 * MINUTE_MS;

/** What is known afterwards, and when hbf-core is asked again. */
export interface StillMissing {
  missing: Missing;
  dueAt: Date;
}

/**
 * hbf-core answered 404 or 410 once more, while it answered 200 to something else: an ingress answers so too while a
 * service is deployed, so one such answer decides nothing.
 *
 * @param missing what the answers before came to, if there were any
 * @param now epoch milliseconds
 * @returns when to ask again; `gone` once it said so at least 6 times over at least 6 hours
 */
export function afterMissing(missing: Missing | undefined, now: number): StillMissing | 'gone' {
  const times = (missing?.times ?? 0) + 1;
  const since = missing && missing.times > 0 ? missing.since : new Date(now);
  if (times >= GONE_AFTER_TIMES && now - since.getTime() >= GONE_AFTER_MS) return 'gone';
  const waitMs = ASK_AGAIN_MS[Math.min(times, ASK_AGAIN_MS.length) - 1]!;
  return { missing: { since, times }, dueAt: new Date(now + waitMs) };
}

/** As afterMissing, where hbf-core answered nothing else either: that answer does not count. */
export function afterUncounted(missing: Missing | undefined, now: number): StillMissing {
  const dueAt = new Date(now + ASK_AGAIN_UNCOUNTED_MS);
  return { missing: missing ?? { since: new Date(now), times: 0 }, dueAt };
}

/**
 * What one more answer 404 or 410 of hbf-core comes to.
 *
 * @param counts whether hbf-core answered 200 to something else within a minute
 * @param now epoch milliseconds
 */
export function afterUnknown(missing: Missing | undefined, counts: boolean, now: number): StillMissing | 'gone' {
  return counts ? afterMissing(missing, now) : afterUncounted(missing, now);
}

/**
 * What it means for a delivery that hbf-core answers 404 or 410 for its session or tenant.
 *
 * @param what hbf-core does not know
 * @param counts whether hbf-core answered 200 to something else within a minute
 * @param now epoch milliseconds
 */
export function missingResult(
  what: 'session' | 'tenant',
  missing: Missing | undefined,
  counts: boolean,
  now: number,
): DeliveryResult {
  const next = afterUnknown(missing, counts, now);
  if (next === 'gone') {
    const since = missing?.since.toISOString();
    const message = `hbf-core does not know the ${what} any more: it has said so since ${since}`;
    return { result: 'impossible', code: 'session_gone', message };
  }
  const { since, times } = next.missing;
  const why = counts ? `${times} times since ${since.toISOString()}` : 'not counted, as it answers nothing else';
  const message = `hbf-core does not know the ${what}: ${why}`;
  const delayMs = next.dueAt.getTime() - now;
  return { result: 'missing', code: 'session_missing', message, delayMs, missing: next.missing };
}
