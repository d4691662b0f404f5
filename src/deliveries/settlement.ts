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
  const { dueAt: _dueAt, token: _token, aloneRuns: _aloneRuns, ...rest } = delivery;
  const settled: Delivery = { ...rest, at: new Date(rules.now) };
  if (result.triggeredSurveys) settled.triggeredSurveys = result.triggeredSurveys;
  switch (result.result) {
    case 'dropped':
      return { ...settled, state: 'dropped', reason: result.reason };
    case 'impossible':
      return { ...settled, state: 'dead', reason: result.message, lastError: cap(`${result.code}: ${result.message}`) };
    case 'postponed':
      // Our own failure: the worker lived to tell, so this claim is not held against the delivery either.
      return {
        ...settled,
        claims: 0,
        dueAt: new Date(rules.now + result.delayMs),
        lastError: cap(`${result.code}: ${result.message}`),
      };
    case 'delivered':
      return {
        ...withAttempt(settled, result, rules),
        state: 'delivered',
      };
    case 'failed':
      return afterFailure(withAttempt(settled, result, rules), result, rules);
  }
}

/** Pure: the delivery handed back unattempted, due at once; the claim does not count. */
export function giveBack(delivery: Delivery, now: number): Delivery {
  const { token: _token, ...rest } = delivery;
  return { ...rest, claims: Math.max(0, delivery.claims - 1), dueAt: new Date(now) };
}

function withAttempt(delivery: Delivery, outcome: AttemptOutcome, rules: SettlementRules): Delivery {
  const failed = outcome.result === 'failed';
  const record: AttemptRecord = {
    at: new Date(rules.now),
    result: outcome.result,
    ...(outcome.statusCode === undefined ? {} : { statusCode: outcome.statusCode }),
    ...(failed ? { code: outcome.code } : {}),
    durationMs: Math.round(outcome.durationMs),
  };
  const { lastStatus: _status, lastError: _error, ...rest } = delivery;
  return {
    ...rest,
    claims: 0,
    attempts: delivery.attempts + 1,
    ...(outcome.statusCode === undefined ? {} : { lastStatus: outcome.statusCode }),
    ...(failed ? { lastError: cap(`${outcome.code}: ${outcome.message}`) } : {}),
    log: [...delivery.log, record].slice(-LOG_LENGTH),
  };
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

function cap(message: string): string {
  return message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH)}…` : message;
}
