import type { AttemptOutcome } from './attempt-outcome.js';
import type { SurveyPart } from './delivery.js';
import { retryDelay, type SettlementRules, whyDead } from './retry-schedule.js';

/** Transitions of the surveys within one delivery: pure functions, as in transitions.ts. */

/** What came of one survey in an attempt. Without an outcome it is only known from now on: it was not tried. */
export interface PartResult {
  surveyId: string;
  outcome?: AttemptOutcome;
}

/**
 * The surveys that an attempt tries: of the pending ones those that were tried least often, so that a lease that ends
 * early, again and again, keeps none from its turn. Then all follow the same retry schedule.
 *
 * @param listed the surveys that the session has now
 * @returns their ids, in order
 */
export function dueParts(parts: readonly SurveyPart[], listed: readonly string[]): string[] {
  const pending = withNew(parts, listed).filter(({ state }) => state === 'pending');
  const fewest = Math.min(...pending.map(({ attempts }) => attempts));
  return pending.filter(({ attempts }) => attempts === fewest).map(({ surveyId }) => surveyId);
}

/** The parts as they stand after an attempt. */
export function settleParts(
  parts: readonly SurveyPart[],
  results: readonly PartResult[],
  { retryScheduleMs }: Pick<SettlementRules, 'retryScheduleMs'>,
): SurveyPart[] {
  const outcomes = new Map(results.map(({ surveyId, outcome }) => [surveyId, outcome]));
  return withNew(parts, [...outcomes.keys()]).map((part) => {
    const outcome = outcomes.get(part.surveyId);
    return outcome ? settlePart(part, outcome, retryScheduleMs.length) : part;
  });
}

/** @returns how long the pending ones wait, in milliseconds; undefined when none is pending */
export function waitOf(
  parts: readonly SurveyPart[],
  retryAfterMs: number | undefined,
  { retryScheduleMs, random }: Pick<SettlementRules, 'retryScheduleMs' | 'random'>,
): number | undefined {
  const pending = parts.filter(({ state }) => state === 'pending');
  if (pending.length === 0) return undefined;
  const tries = Math.min(...pending.map(({ attempts }) => attempts));
  return retryDelay(tries + 1, [0, ...retryScheduleMs], retryAfterMs, random);
}

/** @returns undefined when none is dead */
export function deathOf(parts: readonly SurveyPart[]): string | undefined {
  const dead = parts.filter(({ state }) => state === 'dead');
  return dead[0] && `${dead.length} of ${parts.length} surveys: ${dead[0].reason}`;
}

/** Nothing of the delivery can be sent any more. */
export function killParts(parts: readonly SurveyPart[], reason: string): SurveyPart[] {
  return parts.map((part) => (part.state === 'pending' ? { ...part, state: 'dead', reason } : part));
}

/** Those that were not delivered are pending again, and begin anew. */
export function redeliverParts(parts: readonly SurveyPart[]): SurveyPart[] {
  return parts.map((part) => (part.state === 'delivered' ? part : newPart(part.surveyId)));
}

function withNew(parts: readonly SurveyPart[], surveyIds: readonly string[]): SurveyPart[] {
  const known = new Set(parts.map(({ surveyId }) => surveyId));
  return [...parts, ...surveyIds.filter((surveyId) => !known.has(surveyId)).map(newPart)];
}

function newPart(surveyId: string): SurveyPart {
  return { surveyId, state: 'pending', attempts: 0 };
}

function settlePart({ surveyId, ...before }: SurveyPart, outcome: AttemptOutcome, waits: number): SurveyPart {
  const attempts = before.attempts + 1;
  if (outcome.result === 'delivered') return { surveyId, state: 'delivered', attempts };
  const timeouts = (before.timeouts ?? 0) + (outcome.timedOut ? 1 : 0);
  const counted = timeouts > 0 ? { attempts, timeouts } : { attempts };
  const reason = whyDead(outcome, { attempts, failures: attempts, timeouts }, waits);
  const state = reason === undefined ? 'pending' : 'dead';
  return { surveyId, state, ...counted, ...(reason !== undefined && { reason }) };
}
