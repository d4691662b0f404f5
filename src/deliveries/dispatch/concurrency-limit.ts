import type { DeliveryResult } from '../../completions/transitions.js';

/** A destination that nothing is known of starts with this many attempts at once. */
export const INITIAL_LIMIT = 2;
/** The present latency is a mean over about this many answers. */
const PRESENT_OVER = 8;
/** The usual latency becomes longer within about this many rounds of answers, and shorter at once. */
const USUAL_ROUNDS = 100;
/**
 * The present latency is clearly longer than the usual one beyond this factor, and this much for its noise. Below the
 * factor by which the limit falls: or where latency grows with the limit, the usual one would grow along for ever.
 */
const CLEARLY_LONGER = 1.5;
const NOISE_MS = 50;
/** A receiver's Retry-After holds its lane no longer than this: a delivery's due time and the circuit do the rest. */
const LONGEST_HOLD_MS = 5_000;

/**
 * How many attempts one destination gets at a time, found by additive increase and multiplicative decrease (AIMD, as
 * TCP's congestion control). A plain value; the rule is `afterSample`.
 */
export interface ConcurrencyLimit {
  /** May be a fraction: what is allowed is the whole part. */
  limit: number;
  /** Until the first halving it doubles with each round of answers; afterwards each round adds one. */
  doubling: boolean;
  /** How long its answers take usually, and at present (running means in ms); absent before the first answer. */
  usualMs?: number;
  presentMs?: number;
  /** When it was last halved (epoch ms): attempts that had begun before say nothing new. */
  halvedAt: number;
  /** Nothing is started before (epoch ms): the destination's Retry-After. */
  heldUntil: number;
}

/** What one attempt says about how much its destination can take. */
export interface Sample {
  /** overloaded: a time-out, 429 or 503. failed: any other failure, which is the circuit's matter. */
  answer: 'good' | 'overloaded' | 'failed';
  durationMs: number;
  startedAt: number;
  now: number;
  /** Attempts at the destination that were under way when this one ended, itself among them. */
  inUse: number;
  retryAfterMs?: number;
}

export function initialLimit(limit = INITIAL_LIMIT): ConcurrencyLimit {
  return { limit, doubling: true, halvedAt: 0, heldUntil: 0 };
}

/** The limit after an attempt, between 1 and `max`. */
export function afterSample(before: ConcurrencyLimit, sample: Sample, max: number): ConcurrencyLimit {
  if (sample.answer === 'failed') return before;
  if (sample.answer === 'overloaded') {
    const hold = Math.min(sample.retryAfterMs ?? 0, LONGEST_HOLD_MS);
    return { ...halved(before, sample), heldUntil: Math.max(before.heldUntil, sample.now + hold) };
  }
  const known = withLatency(before, sample);
  if (known.presentMs! > CLEARLY_LONGER * known.usualMs! + NOISE_MS) return halved(known, sample);
  // what is not used says nothing about whether more would be taken as well
  if (2 * sample.inUse <= Math.floor(known.limit)) return known;
  return { ...known, limit: Math.min(max, known.limit + (known.doubling ? 1 : 1 / known.limit)) };
}

/** Attempts that had begun before the latest halving were sent under the old limit: they do not halve it again. */
function halved(before: ConcurrencyLimit, { startedAt, now }: Sample): ConcurrencyLimit {
  if (startedAt < before.halvedAt) return before;
  return { ...before, limit: Math.max(1, before.limit / 2), doubling: false, halvedAt: now };
}

/** The usual latency follows slowly, so that a destination that has become slower for good is not held down for ever. */
function withLatency(before: ConcurrencyLimit, { durationMs, inUse }: Sample): ConcurrencyLimit {
  const { usualMs = durationMs, presentMs = durationMs } = before;
  const usualOver = durationMs < usualMs ? PRESENT_OVER : USUAL_ROUNDS * inUse;
  return {
    ...before,
    usualMs: usualMs + (durationMs - usualMs) / usualOver,
    presentMs: presentMs + (durationMs - presentMs) / PRESENT_OVER,
  };
}

/** What a result says about how much the destination can take; undefined: nothing was sent. */
export function answerOf(result: DeliveryResult): Pick<Sample, 'answer' | 'durationMs' | 'retryAfterMs'> | undefined {
  if (result.result === 'delivered') return { answer: 'good', durationMs: result.durationMs };
  if (result.result !== 'failed') return undefined;
  const { statusCode, code, durationMs, retryAfterMs } = result;
  const overloaded = code === 'timeout' || statusCode === 429 || statusCode === 503;
  return { answer: overloaded ? 'overloaded' : 'failed', durationMs, retryAfterMs };
}
