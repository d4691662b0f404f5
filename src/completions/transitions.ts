import type { UpdateFilter } from 'mongodb';
import type { AttemptOutcome } from './attempt-outcome.js';
import { listedAs } from './delivery.js';
import type { AttemptRecord, Claim, Delivery, Missing, RedeliveryRecord, SurveyPart } from './delivery.js';
import { deathOf, killParts, type PartResult, redeliverParts, settleParts, waitOf } from './parts.js';
import { retryDelay, type SettlementRules, whyDead } from './retry-schedule.js';

/**
 * Every transition of a delivery. Those that need the whole delivery are pure functions from a delivery to the delivery
 * afterwards; those that change many deliveries inside the database at once are given as the update to make.
 * What a transition takes away is undefined afterwards; CompletionRepository stores no undefined field.
 */

const LOG_LENGTH = 20;
const MESSAGE_LENGTH = 300;
const REDELIVERIES_KEPT = 10;

/**
 * What came of a claimed delivery. Besides an attempt's outcome: `cancelled`, its integration was removed or disabled;
 * `impossible`, there is nothing left to send; `postponed`, this service could not prepare or finish the attempt, which
 * is not the destination's fault, so no attempt is spent; `missing`, hbf-core answers that it does not know the session:
 * as `postponed`, and the record says since when and how often (missing.ts).
 */
export type DeliveryResult = (
  | AttemptOutcome
  | { result: 'cancelled'; reason: string }
  | { result: 'impossible'; code: string; message: string }
  | { result: 'postponed'; code: string; message: string; delayMs: number }
  | { result: 'missing'; code: string; message: string; delayMs: number; missing: Missing }
) & {
  /** Channel `surveys` only: what came of each survey. They decide whether the delivery goes on. */
  parts?: readonly PartResult[];
};

/** A delivery before its first attempt, claimed by the process that completes its session. */
export function newDelivery(destination: string, { token, until }: Claim): Delivery {
  const listed = listedAs('pending', destination);
  return {
    destination,
    untried: destination,
    listed,
    state: 'pending',
    dueAt: until,
    token,
    claims: 1,
    attempts: 0,
    log: [],
  };
}

/** The delivery as it stands after `result`, without its claim. */
export function settle(delivery: Delivery, result: DeliveryResult, rules: SettlementRules): Delivery {
  // the one copy; by Object.assign, as a property added to what a spread has made takes V8 a microsecond and more
  const settled: Delivery = Object.assign({}, delivery, {
    token: undefined,
    dueAt: undefined,
    aloneRuns: undefined,
    untried: result.result === 'postponed' ? delivery.untried : undefined,
    missing: undefined, // hbf-core answered for the session, or it does not matter any more
    at: new Date(rules.now),
    parts: result.parts ? settleParts(delivery.parts ?? [], result.parts, rules) : delivery.parts,
  });
  switch (result.result) {
    case 'cancelled':
      settled.state = 'cancelled';
      settled.reason = result.reason;
      break;
    case 'impossible':
      die(settled, result.message);
      settled.lastError = errorText(result);
      break;
    case 'missing':
    case 'postponed':
      // The process has not ended under this claim, so the claim does not count towards a poison delivery.
      settled.claims = 0;
      settled.dueAt = new Date(rules.now + result.delayMs);
      settled.lastError = errorText(result);
      // postponed: hbf-core may have answered nothing at all
      settled.missing = result.result === 'missing' ? result.missing : delivery.missing;
      break;
    case 'delivered':
      noteAttempt(settled, result, rules.now);
      if (settled.parts) followParts(settled, settled.parts, result, rules);
      else settled.state = 'delivered';
      break;
    case 'failed':
      noteAttempt(settled, result, rules.now);
      if (settled.parts) followParts(settled, settled.parts, result, rules);
      else retryOrDie(settled, result, rules);
      break;
  }
  settled.listed = listedAs(settled.state, settled.destination);
  return settled;
}

/** The delivery handed back unattempted, due at once; the claim does not count. */
export function giveBack(delivery: Delivery, now: number): Delivery {
  return { ...delivery, token: undefined, claims: Math.max(0, delivery.claims - 1), dueAt: new Date(now) };
}

/** A delivery that an ended process had claimed, due at `dueAt`: it may have been attempted, so the claim counts. */
export function release(delivery: Delivery, dueAt: Date): Delivery {
  return { ...delivery, token: undefined, dueAt };
}

/**
 * The delivery due again at `dueAt`, whatever became of it; its retry schedule starts anew and `request` is noted. One that
 * was cancelled keeps the token of an attempt that may be under way. Of surveys, those that were
 * triggered are not triggered again.
 */
export function redeliver(delivery: Delivery, dueAt: Date, request: RedeliveryRecord): Delivery {
  const { destination, attempts, parts, redeliveries = [] } = delivery;
  return {
    ...delivery,
    token: delivery.state === 'cancelled' ? delivery.token : undefined,
    aloneRuns: undefined,
    missing: undefined,
    reason: undefined,
    timeouts: undefined,
    parts: parts && redeliverParts(parts),
    claims: 0,
    retriedFrom: attempts,
    redeliveries: [...redeliveries, request].slice(-REDELIVERIES_KEPT),
    state: 'pending',
    listed: listedAs('pending', destination),
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

/** @returns what the tokens of one start match: `<startId>.<uuid>`; an index serves it, as it begins with text */
export function heldBy(startId: string): RegExp {
  return new RegExp(`^${startId}\\.`);
}

/** As `release`, for all deliveries that a start of the service has claimed: due at `dueAt`, and the claims count. */
export function releaseUpdate(startId: string, dueAt: Date): DeliveryUpdate {
  return {
    update: { $set: { 'deliveries.$[held].dueAt': dueAt }, $unset: { 'deliveries.$[held].token': 1 } },
    arrayFilters: [{ 'held.token': heldBy(startId), 'held.state': 'pending' }],
  };
}

/** Cancels the pending deliveries of one destination. One that is being attempted keeps its token: if it is delivered, that counts. */
export function cancelUpdate(destination: string, reason: string): DeliveryUpdate {
  return {
    update: {
      $set: {
        'deliveries.$[pending].state': 'cancelled',
        'deliveries.$[pending].listed': listedAs('cancelled', destination),
        'deliveries.$[pending].reason': reason,
      },
      $unset: { 'deliveries.$[pending].dueAt': 1, 'deliveries.$[pending].untried': 1 },
    },
    arrayFilters: [{ 'pending.destination': destination, 'pending.state': 'pending' }],
  };
}

/** Notes one outcome in `settled`: counts it, logs it, and forgets the claims before it. */
function noteAttempt(settled: Delivery, outcome: AttemptOutcome, now: number): void {
  const { result, statusCode, durationMs } = outcome;
  const failure = outcome.result === 'failed' ? outcome : undefined;
  const at = new Date(now);
  const record: AttemptRecord = { at, result, statusCode, code: failure?.code, durationMs: Math.round(durationMs) };
  settled.log = [...settled.log, record].slice(-LOG_LENGTH);
  settled.claims = 0;
  settled.attempts++;
  settled.lastStatus = statusCode;
  settled.lastError = failure && errorText(failure);
}

/** Makes `settled` due again by the retry schedule, or dead. */
function retryOrDie(
  settled: Delivery,
  outcome: Extract<AttemptOutcome, { result: 'failed' }>,
  { now, retryScheduleMs, random }: SettlementRules,
): void {
  if (outcome.timedOut) settled.timeouts = (settled.timeouts ?? 0) + 1;
  const { attempts, timeouts = 0, retriedFrom = 0 } = settled;
  const failures = attempts - retriedFrom;
  const reason = whyDead(outcome, { attempts, failures, timeouts }, retryScheduleMs.length);
  if (reason !== undefined) return die(settled, reason);
  settled.dueAt = new Date(now + retryDelay(failures, retryScheduleMs, outcome.retryAfterMs, random)!);
}

/** Delivered when all of its surveys are, dead when none of them is pending and one is dead. */
function followParts(
  settled: Delivery,
  parts: readonly SurveyPart[],
  outcome: AttemptOutcome,
  rules: SettlementRules,
): void {
  const wait = waitOf(parts, 'retryAfterMs' in outcome ? outcome.retryAfterMs : undefined, rules);
  const reason = deathOf(parts);
  if (wait !== undefined) settled.dueAt = new Date(rules.now + wait);
  else if (reason === undefined) settled.state = 'delivered';
  else die(settled, reason);
}

function die(settled: Delivery, reason: string): void {
  settled.state = 'dead';
  settled.reason = reason;
  settled.parts = settled.parts && killParts(settled.parts, reason);
}

function errorText({ code, message }: { code: string; message: string }): string {
  const text = `${code}: ${message}`;
  return text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
}
