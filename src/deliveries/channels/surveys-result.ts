import type { AttemptOutcome } from '../../completions/attempt-outcome.js';
import type { PartResult } from '../../completions/parts.js';
import type { DeliveryResult } from '../../completions/transitions.js';

type Failure = Extract<AttemptOutcome, { result: 'failed' }>;

/** The status of a delivery for which nothing had to be sent. */
export const NOTHING_TO_SEND = 204;
const NOT_LISTED = 'survey_not_listed';

/**
 * What one attempt at a session's surveys comes to: the failure that says most of hbf-event-publisher (one that a later
 * try may mend), if there is one. What the lease left no time for is not tried, and due at once. What becomes of the
 * delivery is decided by its parts.
 *
 * @param due the surveys that were to be tried
 * @param tried the first of these, in the same order
 */
export function resultOfSurveys(
  due: readonly string[],
  tried: readonly PartResult[],
  durationMs: number,
): DeliveryResult {
  const untried = due.slice(tried.length).map((surveyId): PartResult => ({ surveyId }));
  const parts = [...tried, ...untried];
  const failures = tried.flatMap(({ outcome }) =>
    outcome?.result === 'failed' && outcome.code !== NOT_LISTED ? [outcome] : [],
  );
  const failure = failures.find(({ retryable }) => retryable) ?? failures[0];
  if (failure) return { ...failure, durationMs, parts };
  if (untried.length > 0) {
    const message = 'the lease, or the process, ended before every survey was triggered';
    return { result: 'postponed', code: 'lease_ends', message, delayMs: 0, parts };
  }
  const delivered = tried.findLast(({ outcome }) => outcome?.result === 'delivered')?.outcome;
  return { result: 'delivered', statusCode: delivered?.statusCode ?? NOTHING_TO_SEND, durationMs, parts };
}

/** hbf-core lists the session's surveys, and one that it listed before is not among them: there is nothing to send. */
export function surveyNotListed(): Failure {
  const message = 'hbf-core does not list the survey any more';
  return { result: 'failed', code: NOT_LISTED, message, durationMs: 0, retryable: false };
}
