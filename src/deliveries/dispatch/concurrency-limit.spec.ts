import fc from 'fast-check';
import { afterSample, answerOf, type ConcurrencyLimit, initialLimit, type Sample } from './concurrency-limit.js';

const MAX = 64;
const START = 1_000_000;

/** A destination that answers as `latencyMs` says of what is under way, kept as busy as its limit lets it be. */
function rounds(limit: ConcurrencyLimit, count: number, latencyMs: (inUse: number) => number, from = START) {
  let now = from;
  for (let round = 0; round < count; round++) {
    const inUse = Math.floor(limit.limit);
    const durationMs = latencyMs(inUse);
    const startedAt = now;
    now += durationMs;
    for (let n = 0; n < inUse; n++) limit = afterSample(limit, { answer: 'good', durationMs, startedAt, now, inUse }, MAX); // prettier-ignore
  }
  return { limit, now };
}

const sample = fc.record<Sample>({
  answer: fc.constantFrom('good', 'overloaded', 'failed'),
  durationMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
  startedAt: fc.integer({ min: 0, max: 1_000 }),
  now: fc.integer({ min: 1_000, max: 2_000 }),
  inUse: fc.integer({ min: 1, max: 200 }),
});

describe('afterSample', () => {
  it('keeps between one and the maximum, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), fc.integer({ min: 1, max: 100 }), (samples, max) => {
        const { limit } = samples.reduce((state, one) => afterSample(state, one, max), initialLimit(1));
        expect(limit).toBeGreaterThanOrEqual(1);
        expect(limit).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('grows only while it is used, and one sample adds at most one', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 100 }), (samples) => {
        let state = initialLimit();
        for (const one of samples) {
          const before = state.limit;
          state = afterSample(state, one, MAX);
          expect(state.limit).toBeLessThanOrEqual(before + 1);
          if (2 * one.inUse <= Math.floor(before)) expect(state.limit).toBeLessThanOrEqual(before);
        }
      }),
    );
  });

  it('halves at most once for all that was under way together', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: MAX }), fc.integer({ min: 1, max: MAX }), (limit, failures) => {
        let state = initialLimit(limit);
        const late: Sample = { answer: 'overloaded', durationMs: 900, startedAt: START, now: START + 900, inUse: limit }; // prettier-ignore
        for (let n = 0; n < failures; n++) state = afterSample(state, { ...late, now: late.now + n }, MAX);
        expect(state.limit).toBe(limit / 2);
      }),
    );
  });

  it('finds the maximum for a receiver that takes it, in a few rounds of answers', () => {
    expect(rounds(initialLimit(), 5, () => 100).limit.limit).toBe(MAX);
  });

  it('stays near what a receiver takes whose answers become slower beyond that', () => {
    const takes = 10;
    const { limit } = rounds(initialLimit(), 400, (inUse) => 100 * Math.max(1, inUse / takes));
    expect(limit.limit).toBeLessThan(4 * takes);
    expect(limit.limit).toBeGreaterThan(takes / 2);
  });

  it('falls where answers become clearly slower, and recovers once that has become usual', () => {
    const busy = rounds(initialLimit(), 10, () => 100);
    const slow = rounds(busy.limit, 2, () => 1_000, busy.now);
    expect(slow.limit.limit).toBeLessThanOrEqual(MAX / 2);
    expect(rounds(slow.limit, 500, () => 1_000, slow.now).limit.limit).toBe(MAX);
  });

  it('is not moved by what varies a little', () => {
    let state = rounds(initialLimit(), 10, () => 20).limit;
    for (let n = 0; n < 500; n++) {
      const one = { answer: 'good' as const, durationMs: n % 10 === 0 ? 90 : 20, startedAt: START + n, now: START + n + 20, inUse: MAX }; // prettier-ignore
      state = afterSample(state, one, MAX);
    }
    expect(state.limit).toBe(MAX);
  });

  it('holds the lane for as long as the destination asks, five seconds at most', () => {
    const asked = (retryAfterMs: number) =>
      afterSample(initialLimit(8), { answer: 'overloaded', durationMs: 5, startedAt: START, now: START, inUse: 8, retryAfterMs }, MAX); // prettier-ignore
    expect(asked(3_000)).toMatchObject({ limit: 4, heldUntil: START + 3_000 });
    expect(asked(86_400_000).heldUntil).toBe(START + 5_000);
  });
});

describe('answerOf', () => {
  const failed = (code: string, statusCode?: number) =>
    answerOf({ result: 'failed', code, message: 'x', durationMs: 7, retryable: true, ...(statusCode && { statusCode }) })?.answer; // prettier-ignore

  it('takes a time-out, 429 and 503 for overload, and leaves other failures to the circuit', () => {
    const overload = [failed('timeout'), failed('http_429', 429), failed('http_503', 503)];
    expect(overload).toEqual(['overloaded', 'overloaded', 'overloaded']);
    const others = [failed('ECONNREFUSED'), failed('http_500', 500), failed('http_401', 401)];
    expect(others).toEqual(['failed', 'failed', 'failed']);
  });

  it('learns nothing from what was not sent', () => {
    expect(answerOf({ result: 'cancelled', reason: 'x' })).toBeUndefined();
    expect(answerOf({ result: 'postponed', code: 'x', message: 'x', delayMs: 1 })).toBeUndefined();
  });
});
