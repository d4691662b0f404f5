import fc from 'fast-check';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { Delivery, SurveyPart } from './delivery.js';
import { dueParts, type PartResult } from './parts.js';
import type { SettlementRules } from './retry-schedule.js';
import { type DeliveryResult, newDelivery, redeliver, settle } from './transitions.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const rules: SettlementRules = { now: NOW, retryScheduleMs: [1_000, 10_000, 10_000, 10_000], random: () => 0.5 };

const ok: AttemptOutcome = { result: 'delivered', statusCode: 200, durationMs: 1 };
const failure = { result: 'failed', message: 'no', durationMs: 1 } as const;
const unavailable: AttemptOutcome = { ...failure, code: 'http_503', statusCode: 503, retryable: true };
const refused: AttemptOutcome = { ...failure, code: 'http_400', statusCode: 400, retryable: false };
const timedOut: AttemptOutcome = { ...failure, code: 'timeout', retryable: true, timedOut: true };

const claimed = (more: Partial<Delivery> = {}): Delivery => ({
  ...newDelivery('surveys:t1', { token: 'token', until: new Date(NOW + 60_000) }),
  ...more,
});

/** As the channel sums up: a failure if there is one, else the last outcome; nothing tried: postponed. */
function resultOf(parts: readonly PartResult[]): DeliveryResult {
  const outcomes = parts.flatMap(({ outcome }) => (outcome ? [outcome] : []));
  const sum = outcomes.find(({ result }) => result === 'failed') ?? outcomes.at(-1);
  return { ...(sum ?? { result: 'postponed', code: 'lease_ends', message: 'm', delayMs: 0 }), parts };
}

/** @param outcomes by survey; undefined: the lease left no time for it */
function after(delivery: Delivery, outcomes: Record<string, AttemptOutcome | undefined>): Delivery {
  const parts = Object.entries(outcomes).map(([surveyId, outcome]) => ({ surveyId, ...(outcome && { outcome }) }));
  return settle(delivery, resultOf(parts), rules);
}

describe('the surveys of a delivery', () => {
  it('go on while one of them is dead; the delivery is dead when none is pending', () => {
    const first = after(claimed(), { a: refused, b: unavailable, c: ok });
    expect(first).toMatchObject({ state: 'pending', dueAt: new Date(NOW + 1_000), attempts: 1 });
    expect(first.parts).toEqual([
      { surveyId: 'a', state: 'dead', attempts: 1, reason: 'http_400: trying again cannot help' },
      { surveyId: 'b', state: 'pending', attempts: 1 },
      { surveyId: 'c', state: 'delivered', attempts: 1 },
    ]);
    const second = after(first, { b: ok });
    expect(second).toMatchObject({ state: 'dead', reason: '1 of 3 surveys: http_400: trying again cannot help' });
    expect([second.dueAt, second.lastError]).toEqual([undefined, undefined]);
  });

  it('are delivered when all of them are', () => {
    const second = after(after(claimed(), { a: unavailable, b: ok }), { a: ok });
    expect(second).toMatchObject({ state: 'delivered', attempts: 2, lastStatus: 200 });
  });

  it('are dead for an unknown outcome after three time-outs of their own', () => {
    const second = after(after(claimed(), { a: timedOut, b: unavailable }), { a: timedOut, b: timedOut });
    expect(second.parts!.map(({ state, timeouts }) => [state, timeouts])).toEqual([
      ['pending', 2],
      ['pending', 1],
    ]);
    const third = after(second, { a: timedOut, b: ok });
    expect(third).toMatchObject({ state: 'dead', reason: '1 of 2 surveys: outcome unknown' });
    expect(third.timeouts).toBeUndefined();
  });

  it('that the lease left no time for are due at once, before those that were tried', () => {
    const first = after(claimed(), { a: timedOut, b: undefined, c: undefined });
    expect(first).toMatchObject({ state: 'pending', dueAt: new Date(NOW), attempts: 1 });
    expect(dueParts(first.parts!, ['a', 'b', 'c'])).toEqual(['b', 'c']);
    const second = after(first, { b: unavailable, c: unavailable });
    expect(second.dueAt).toEqual(new Date(NOW + 1_000));
    expect(dueParts(second.parts!, [])).toEqual(['a', 'b', 'c']);
  });

  it('wait as long as Retry-After asks, also those that were not tried', () => {
    const busy: AttemptOutcome = {
      ...failure,
      code: 'http_429',
      statusCode: 429,
      retryable: true,
      retryAfterMs: 5_000,
    };
    expect(after(claimed(), { a: busy, b: undefined }).dueAt).toEqual(new Date(NOW + 5_000));
  });

  it('that came in later are tried, the ones before them kept', () => {
    const parts: SurveyPart[] = [{ surveyId: 'a', state: 'delivered', attempts: 1 }];
    expect(dueParts(parts, ['b', 'a'])).toEqual(['b']);
    const late = { surveyId: 'b', state: 'delivered', attempts: 1 };
    expect(after(claimed({ parts }), { b: ok }).parts).toEqual([...parts, late]);
  });

  it('are pending again after a redelivery, but for those that were delivered', () => {
    const dead = after(claimed(), { a: refused, b: ok });
    const again = redeliver(dead, new Date(NOW), { id: 'r1', at: new Date(NOW), by: 'ada' });
    expect(again.parts).toEqual([
      { surveyId: 'a', state: 'pending', attempts: 0 },
      { surveyId: 'b', state: 'delivered', attempts: 1 },
    ]);
    expect(after(again, { a: ok })).toMatchObject({ state: 'delivered' });
  });

  it('are dead with the delivery when nothing of it can be sent', () => {
    const gone: DeliveryResult = { result: 'impossible', code: 'session_gone', message: 'gone' };
    const settled = settle(after(claimed(), { a: unavailable, b: ok }), gone, rules);
    expect(settled.parts).toMatchObject([{ state: 'dead', reason: 'gone' }, { state: 'delivered' }]);
  });

  const anyOutcome = fc.constantFrom(ok, unavailable, refused, timedOut);
  it('each end delivered or dead, none tried once it ended, and none left behind', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(anyOutcome, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 }),
        (surveys, outcomes, room) => {
          const ids = Array.from({ length: surveys }, (_, n) => `s${n}`);
          const heard = new Map<string, AttemptOutcome[]>(ids.map((id) => [id, []]));
          let delivery = claimed();
          for (let nth = 0, round = 0; delivery.state === 'pending'; round++) {
            const due = dueParts(delivery.parts ?? [], ids);
            const tried = new Set(due.slice(0, room[round % room.length]));
            const results = due.map((surveyId): PartResult => {
              if (!tried.has(surveyId)) return { surveyId };
              const outcome = outcomes[nth++ % outcomes.length]!;
              heard.get(surveyId)!.push(outcome);
              return { surveyId, outcome };
            });
            delivery = settle({ ...delivery, token: 'token' }, resultOf(results), rules);
            const tries = delivery.parts!.filter(({ state }) => state === 'pending').map(({ attempts }) => attempts);
            if (tries.length > 0) expect(Math.max(...tries) - Math.min(...tries)).toBeLessThanOrEqual(1);
            expect(delivery.dueAt === undefined).toBe(delivery.state !== 'pending');
          }
          for (const { surveyId, state, attempts } of delivery.parts!) {
            const all = heard.get(surveyId)!;
            expect(attempts).toBe(all.length);
            expect(attempts).toBeLessThanOrEqual(rules.retryScheduleMs.length + 1);
            expect(all.filter((one) => one === timedOut).length).toBeLessThanOrEqual(3);
            expect(all.slice(0, -1)).not.toContain(ok);
            expect(state).toBe(all.at(-1) === ok ? 'delivered' : 'dead');
          }
          const isDead = delivery.parts!.some(({ state }) => state === 'dead');
          expect(delivery.state).toBe(isDead ? 'dead' : 'delivered');
        },
      ),
    );
  });
});
