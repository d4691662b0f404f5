import type { UpdateFilter } from 'mongodb';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { AttemptRecord, Claim, Delivery } from './delivery.js';
import { retryDelay } from './retry-schedule.js';

/**
 * Every transition of a delivery. Those that need the whole delivery are pure functions from a delivery to the delivery
 * afterwards; those that change many deliveries inside the database at once are given as the update to make.
 * What a transition takes away is undefined afterwards; CompletionRepository stores no undefined field.
 */

const LOG_LENGTH = 20;
const MESSAGE_LENGTH = 300;

/**
 * What came of a claimed delivery. Besides an attempt's outcome: `cancelled`, its integration was removed or disabled;
 * `impossible`, there is nothing left to send; `postponed`, this service could not prepare or finish the attempt, which
 * is not the destination's fault, so no attempt is spent.
 */
export type DeliveryResult = (
  | AttemptOutcome
  | { result: 'cancelled'; reason: string }
  | { result: 'impossible'; code: string; message: string }
  | { result: 'postponed'; code: string; message: string; delayMs: number }
) & { triggeredSurveys?: string[] };

export interface SettlementRules {
  /** Milliseconds since the epoch. */
  now: number;
  retryScheduleMs: readonly number[];
  random: () => number;
}

/** A delivery before its first attempt, claimed by the process that completes its session. */
export function newDelivery(destination: string, { token, until }: Claim): Delivery {
  return { destination, state: 'pending', dueAt: until, token, claims: 1, attempts: 0, log: [] };
}

/** The delivery as it stands after `result`, without its claim. */
export function settle(delivery: Delivery, result: DeliveryResult, rules: SettlementRules): Delivery {
  const { triggeredSurveys = delivery.triggeredSurveys } = result;
  const settled = {
    ...delivery,
    token: undefined,
    dueAt: undefined,
    aloneRuns: undefined,
    at: new Date(rules.now),
    triggeredSurveys,
  };
  switch (result.result) {
    case 'cancelled':
      return { ...settled, state: 'cancelled', reason: result.reason };
    case 'impossible':
      return { ...settled, state: 'dead', reason: result.message, lastError: errorText(result) };
    case 'postponed': {
      // The process has not ended under this claim, so the claim does not count towards a poison delivery.
      const dueAt = new Date(rules.now + result.delayMs);
      return { ...settled, claims: 0, dueAt, lastError: errorText(result) };
    }
    case 'delivered':
      return { ...afterAttempt(settled, result), state: 'delivered' };
    case 'failed':
      return afterFailure(afterAttempt(settled, result), result, rules);
  }
}

/** The delivery handed back unattempted, due at once; the claim does not count. */
export function giveBack(delivery: Delivery, now: number): Delivery {
  return { ...delivery, token: undefined, claims: Math.max(0, delivery.claims - 1), dueAt: new Date(now) };
}

/** A delivery that an ended process had claimed, due at `dueAt`: it may have been attempted, so the claim counts. */
export function release(delivery: Delivery, dueAt: Date): Delivery {
  return { ...delivery, token: undefined, dueAt };
}

/** The delivery due again at `dueAt`, whatever became of it; its retry schedule starts anew. */
export function redeliver(delivery: Delivery, dueAt: Date): Delivery {
  const { attempts } = delivery;
  return {
    ...delivery,
    token: undefined,
    aloneRuns: undefined,
    reason: undefined,
    claims: 0,
    retriedFrom: attempts,
    state: 'pending',
    dueAt,
  };
}

/** A change of one kind of delivery within completions: its arrayFilters name which. */
export interface DeliveryUpdate {
  update: UpdateFilter<{ deliveries: readonly Delivery[] }>;
  arrayFilters: Record<string, unknown>[];
}

/** Claims the deliveries of one destination that are due. */
export function claimUpdate(destination: string, now: Date, { token, until }: Claim): DeliveryUpdate {
  return {
    update: {
      $set: { 'deliveries.$[due].dueAt': until, 'deliveries.$[due].token': token },
      $inc: { 'deliveries.$[due].claims': 1 },
    },
    arrayFilters: [{ 'due.destination': destination, 'due.state': 'pending', 'due.dueAt': { $lte: now } }],
  };
}

/** Cancels the pending deliveries of one destination. One that is being attempted keeps its token: if it is delivered, that counts. */
export function cancelUpdate(destination: string, reason: string): DeliveryUpdate {
  return {
    update: {
      $set: { 'deliveries.$[pending].state': 'cancelled', 'deliveries.$[pending].reason': reason },
      $unset: { 'deliveries.$[pending].dueAt': 1 },
    },
    arrayFilters: [{ 'pending.destination': destination, 'pending.state': 'pending' }],
  };
}

/** Notes one outcome: counts it, logs it, and forgets the claims before it. */
function afterAttempt(delivery: Delivery & { at: Date }, outcome: AttemptOutcome): Delivery {
  const { result, statusCode, durationMs } = outcome;
  const [code, lastError] = outcome.result === 'failed' ? [outcome.code, errorText(outcome)] : [];
  const record: AttemptRecord = { at: delivery.at, result, statusCode, code, durationMs: Math.round(durationMs) };
  const log = [...delivery.log, record].slice(-LOG_LENGTH);
  return { ...delivery, claims: 0, attempts: delivery.attempts + 1, log, lastStatus: statusCode, lastError };
}

/** Due again by the retry schedule, or dead. */
function afterFailure(
  delivery: Delivery,
  outcome: Extract<AttemptOutcome, { result: 'failed' }>,
  rules: SettlementRules,
): Delivery {
  if (!outcome.retryable) return { ...delivery, state: 'dead', reason: `${outcome.code}: trying again cannot help` };
  const failures = delivery.attempts - (delivery.retriedFrom ?? 0);
  const wait = retryDelay(failures, rules.retryScheduleMs, outcome.retryAfterMs, rules.random);
  if (wait === undefined) return { ...delivery, state: 'dead', reason: `failed ${delivery.attempts} times` };
  return { ...delivery, dueAt: new Date(rules.now + wait) };
}

function errorText({ code, message }: { code: string; message: string }): string {
  const text = `${code}: ${message}`;
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
