import type { AttemptOutcome } from './attempt-outcome.js';
import type { AttemptRecord, Delivery } from './completion.js';
import { retryDelay } from './retry-schedule.js';

const LOG_LENGTH = 20;
const MESSAGE_LENGTH = 300;

/**
 * What came of a claimed delivery. Besides an attempt's outcome: `dropped`, it is not owed any more; `impossible`,
 * there is nothing left to send; `postponed`, we could not prepare or finish it through no fault of the destination, so
 * no attempt is spent.
 */
export type DeliveryResult = (
  | AttemptOutcome
  | { result: 'dropped'; reason: string }
  | { result: 'impossible'; code: string; message: string }
  | { result: 'postponed'; code: string; message: string; delayMs: number }
) & { triggeredSurveys?: string[] };

export interface SettlementRules {
  /** Milliseconds since the epoch. */
  now: number;
  retryScheduleMs: readonly number[];
  random: () => number;
}

/** Pure: the delivery as it stands after `result`. The claim's token and lease are gone from it. */
export function settle(delivery: Delivery, result: DeliveryResult, rules: SettlementRules): Delivery {
  const settled = withoutClaim(delivery, new Date(rules.now));
  if (result.triggeredSurveys) settled.triggeredSurveys = result.triggeredSurveys;
  switch (result.result) {
    case 'dropped':
      return Object.assign(settled, { state: 'dropped', reason: result.reason });
    case 'impossible':
      return Object.assign(settled, { state: 'dead', reason: result.message, lastError: errorText(result) });
    case 'postponed': {
      const dueAt = new Date(rules.now + result.delayMs);
      // Our own failure: the worker lived to tell, so this claim is not held against the delivery either.
      return Object.assign(settled, { claims: 0, dueAt, lastError: errorText(result) });
    }
    case 'delivered':
      noteAttempt(settled, result);
      settled.state = 'delivered';
      return settled;
    case 'failed':
      noteAttempt(settled, result);
      return afterFailure(settled, result, rules);
  }
}

/** Pure: the delivery handed back unattempted, due at once; the claim does not count. */
export function giveBack(delivery: Delivery, now: number): Delivery {
  const { token: _token, ...rest } = delivery;
  return { ...rest, claims: Math.max(0, delivery.claims - 1), dueAt: new Date(now) };
}

/**
 * A copy without the claim, which had its outcome `at` that time. Written out, as this runs for each delivery: what
 * `...rest` makes of it takes twice the memory and three times as long.
 */
function withoutClaim(delivery: Delivery, at: Date): Delivery {
  const { destination, channel, integrationId, state, claims, attempts, log } = delivery;
  const { retriedFrom, lastStatus, lastError, reason, triggeredSurveys } = delivery;
  const settled: Delivery =
    integrationId === undefined
      ? { destination, channel, state, claims, attempts, log, at }
      : { destination, channel, integrationId, state, claims, attempts, log, at };
  if (retriedFrom !== undefined) settled.retriedFrom = retriedFrom;
  if (lastStatus !== undefined) settled.lastStatus = lastStatus;
  if (lastError !== undefined) settled.lastError = lastError;
  if (reason !== undefined) settled.reason = reason;
  if (triggeredSurveys !== undefined) settled.triggeredSurveys = triggeredSurveys;
  return settled;
}

/** Changes `settled`, a copy already: this runs for each delivery, and each further copy would show. */
function noteAttempt(settled: Delivery, outcome: AttemptOutcome): void {
  const failed = outcome.result === 'failed';
  const { result, statusCode } = outcome;
  const at = settled.at!;
  const durationMs = Math.round(outcome.durationMs);
  const record: AttemptRecord =
    statusCode === undefined ? { at, result, durationMs } : { at, result, statusCode, durationMs };
  if (failed) record.code = outcome.code;
  settled.claims = 0;
  settled.attempts++;
  settled.log = settled.log.length === 0 ? [record] : [...settled.log, record].slice(-LOG_LENGTH);
  if (statusCode !== undefined) settled.lastStatus = statusCode;
  else if (settled.lastStatus !== undefined) delete settled.lastStatus;
  if (failed) settled.lastError = errorText(outcome);
  else if (settled.lastError !== undefined) delete settled.lastError;
}

function afterFailure(
  delivery: Delivery,
  outcome: Extract<AttemptOutcome, { result: 'failed' }>,
  rules: SettlementRules,
): Delivery {
  if (!outcome.retryable) return { ...delivery, state: 'dead', reason: `${outcome.code}: trying again cannot help` };
  const wait = retryDelay(
    delivery.attempts - (delivery.retriedFrom ?? 0),
    rules.retryScheduleMs,
    outcome.retryAfterMs,
    rules.random,
  );
  if (wait === undefined) return { ...delivery, state: 'dead', reason: `failed ${delivery.attempts} times` };
  return { ...delivery, dueAt: new Date(rules.now + wait) };
}

function errorText({ code, message }: { code: string; message: string }): string {
  const text = `${code}: ${message}`;
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
