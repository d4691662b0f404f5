import fc from 'fast-check';
import type { Claim, Delivery } from './delivery.js';
import { missingResult } from './missing.js';
import type { SettlementRules } from './retry-schedule.js';
import { type DeliveryResult, giveBack, newDelivery, redeliver, release, settle } from './transitions.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const REQUEST = { id: 'r1', at: new Date(NOW), by: 'ada' };
const CLAIM: Claim = { token: 'token', until: new Date(NOW + 60_000) };
const rules: SettlementRules = { now: NOW, retryScheduleMs: [1_000, 10_000], random: () => 0.5 };

function claimed(more: Partial<Delivery> = {}): Delivery {
  return { ...newDelivery('webhook:1', CLAIM), claims: 2, ...more };
}

function failed(more: Partial<Extract<DeliveryResult, { result: 'failed' }>> = {}): DeliveryResult {
  return {
    result: 'failed',
    code: 'http_503',
    statusCode: 503,
    message: 'no',
    durationMs: 3.6,
    retryable: true,
    ...more,
  };
}

const delivered: DeliveryResult = { result: 'delivered', statusCode: 200, durationMs: 12.4 };

describe('newDelivery', () => {
  it('is pending and claimed by the process that completes its session', () => {
    expect(newDelivery('webhook:3', CLAIM)).toEqual({
      destination: 'webhook:3',
      untried: 'webhook:3',
      listed: ['pending', 'pending:webhook'],
      state: 'pending',
      dueAt: CLAIM.until,
      token: 'token',
      claims: 1,
      attempts: 0,
      log: [],
    });
  });
});

describe('settle', () => {
  it('makes a delivery delivered, and removes the error before it', () => {
    const settled = settle(claimed({ attempts: 1, lastError: 'http_503: no', lastStatus: 503 }), delivered, rules);
    expect(settled).toEqual({
      destination: 'webhook:1',
      state: 'delivered',
      claims: 0,
      attempts: 2,
      lastStatus: 200,
      at: new Date(NOW),
      log: [{ at: new Date(NOW), result: 'delivered', statusCode: 200, durationMs: 12 }],
    });
  });

  it('plans the next attempt after a failure, by the schedule', () => {
    const first = settle(claimed(), failed(), rules);
    expect(first).toMatchObject({ state: 'pending', attempts: 1, claims: 0, dueAt: new Date(NOW + 1_000) });
    expect(first).toMatchObject({ lastStatus: 503, lastError: 'http_503: no' });
    const second = settle({ ...first, token: 'another' }, failed(), rules);
    expect(second).toMatchObject({ state: 'pending', attempts: 2, dueAt: new Date(NOW + 10_000) });
    const third = settle(second, failed(), rules);
    expect(third).toMatchObject({ state: 'dead', attempts: 3, reason: 'failed 3 times' });
  });

  it('forgets the status of an earlier attempt when there was no answer at all', () => {
    const { statusCode: _status, ...silent } = failed() as Extract<DeliveryResult, { result: 'failed' }>;
    expect(settle(claimed({ lastStatus: 503 }), silent, rules).lastStatus).toBeUndefined();
  });

  it('makes a delivery dead at once when another attempt cannot help', () => {
    expect(settle(claimed(), failed({ retryable: false, code: 'http_410' }), rules)).toMatchObject({
      state: 'dead',
      attempts: 1,
      reason: 'http_410: trying again cannot help',
    });
  });

  it('starts the retry schedule anew at a redelivery', () => {
    const settled = settle(claimed({ attempts: 3, retriedFrom: 3 }), failed(), rules);
    expect(settled).toMatchObject({ state: 'pending', attempts: 4, dueAt: new Date(NOW + 1_000) });
  });

  it('spends no attempt on what was cancelled, impossible or postponed', () => {
    const cancelled = settle(claimed(), { result: 'cancelled', reason: 'removed' }, rules);
    expect(cancelled).toMatchObject({ state: 'cancelled', attempts: 0, reason: 'removed', log: [] });
    const impossible = settle(claimed(), { result: 'impossible', code: 'session_gone', message: 'gone' }, rules);
    expect(impossible).toMatchObject({ state: 'dead', attempts: 0, reason: 'gone', lastError: 'session_gone: gone' });
    const postponed = settle(claimed(), { result: 'postponed', code: 'x', message: 'away', delayMs: 500 }, rules);
    expect(postponed).toMatchObject({ state: 'pending', attempts: 0, claims: 0, dueAt: new Date(NOW + 500) });
  });

  it('notes since when and how often hbf-core does not know the session, and spends no attempt', () => {
    const missing = { since: new Date(0), times: 3 };
    const result: DeliveryResult = {
      result: 'missing',
      code: 'session_missing',
      message: 'no',
      delayMs: 900_000,
      missing,
    };
    const settled = settle(claimed({ attempts: 1, missing: { since: new Date(0), times: 2 } }), result, rules);
    expect(settled).toMatchObject({
      state: 'pending',
      attempts: 1,
      claims: 0,
      dueAt: new Date(NOW + 900_000),
      missing,
    });
    expect(settled.lastError).toBe('session_missing: no');
  });

  it.each<[string, DeliveryResult, boolean]>([
    ['kept while nothing could be asked', { result: 'postponed', code: 'x', message: 'away', delayMs: 500 }, true],
    ['forgotten when the session was sent', delivered, false],
    ['forgotten when the session was sent and refused', failed(), false],
  ])('of a session that hbf-core did not know: %s', (_, result, kept) => {
    const missing = { since: new Date(0), times: 2 };
    expect(settle(claimed({ missing }), result, rules).missing).toEqual(kept ? missing : undefined);
  });

  describe('of a call that timed out', () => {
    const long: SettlementRules = { ...rules, retryScheduleMs: Array<number>(9).fill(1_000) };
    const timedOut = failed({ statusCode: undefined, code: 'timeout', timedOut: true });
    const after = (...results: DeliveryResult[]) =>
      results.reduce((delivery, result) => settle(delivery, result, long), claimed());

    it('is tried twice more, whatever the schedule says, then dead', () => {
      expect(after(timedOut, timedOut)).toMatchObject({ state: 'pending', timeouts: 2, dueAt: new Date(NOW + 1_000) });
      const dead = after(timedOut, timedOut, timedOut);
      expect(dead).toMatchObject({ state: 'dead', attempts: 3, reason: 'outcome unknown' });
      expect(dead.dueAt).toBeUndefined();
    });

    it('does not count an attempt whose outcome is known, or that was none', () => {
      const unreached = failed({ statusCode: undefined, code: 'ECONNREFUSED' });
      const stopped: DeliveryResult = { result: 'postponed', code: 'stopped', message: 'm', delayMs: 0 };
      const between = after(timedOut, failed(), unreached, stopped, timedOut);
      expect(between).toMatchObject({ state: 'pending', attempts: 4, timeouts: 2 });
    });

    it('counts anew after a redelivery', () => {
      const again = redeliver(after(timedOut, timedOut, timedOut), new Date(NOW), REQUEST);
      expect(again.timeouts).toBeUndefined();
      expect(settle(again, timedOut, long)).toMatchObject({ state: 'pending', timeouts: 1 });
    });
  });

  it('keeps every field of the delivery but its claim', () => {
    const known: Required<Omit<Delivery, 'dueAt' | 'token' | 'aloneRuns' | 'missing' | 'untried'>> = {
      destination: 'webhook:1',
      state: 'pending',
      claims: 2,
      attempts: 3,
      timeouts: 1,
      retriedFrom: 3,
      redeliveries: [REQUEST],
      listed: ['cancelled', 'cancelled:webhook'],
      lastStatus: 503,
      lastError: 'http_503: no',
      at: new Date(0),
      reason: 'failed 3 times',
      log: [{ at: new Date(0), result: 'failed', code: 'http_503', durationMs: 4 }],
      parts: [{ surveyId: 's1', state: 'delivered', attempts: 1 }],
    };
    const claim = { dueAt: new Date(0), token: 'token', aloneRuns: 1, missing: { since: new Date(0), times: 1 } };
    const settled = settle({ ...known, ...claim }, { result: 'cancelled', reason: 'removed' }, rules);
    expect(settled).toEqual({ ...known, state: 'cancelled', reason: 'removed', at: new Date(NOW) });
  });

  it('keeps the newest twenty attempts and caps messages', () => {
    let delivery = claimed();
    for (let n = 1; n <= 25; n++)
      delivery = settle(delivery, failed({ statusCode: 500 + n, message: 'x'.repeat(999) }), rules);
    expect(delivery.log.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 20 }, (_, n) => 506 + n));
    expect(delivery.lastError).toHaveLength(301);
  });

  const anyResult: fc.Arbitrary<DeliveryResult> = fc.oneof(
    fc.constant(delivered),
    fc.record({ retryable: fc.boolean(), retryAfterMs: fc.option(fc.nat(), { nil: undefined }) }).map((more) => {
      const { retryAfterMs, ...rest } = more;
      return failed({ ...rest, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    }),
    fc.constant<DeliveryResult>({ result: 'cancelled', reason: 'r' }),
    fc.constant<DeliveryResult>({ result: 'impossible', code: 'c', message: 'm' }),
    fc.nat().map((delayMs): DeliveryResult => ({ result: 'postponed', code: 'c', message: 'm', delayMs })),
    fc
      .tuple(fc.nat({ max: 9 }), fc.boolean())
      .map(([times, counts]) => missingResult('session', { since: new Date(NOW - 300_000_000), times }, counts, NOW)),
  );

  it('always removes the claim; a pending delivery has a due time from now on, no other has one', () => {
    fc.assert(
      fc.property(anyResult, fc.nat({ max: 5 }), (result, attempts) => {
        const before = claimed({ attempts });
        const frozen = structuredClone(before);
        const settled = settle(before, result, rules);
        expect(before).toEqual(frozen);
        expect(settled.token).toBeUndefined();
        if (settled.state === 'pending') expect(settled.dueAt!.getTime()).toBeGreaterThanOrEqual(NOW);
        else expect(settled.dueAt).toBeUndefined();
        const hadOutcome = result.result === 'delivered' || result.result === 'failed';
        expect(settled.attempts).toBe(attempts + (hadOutcome ? 1 : 0));
      }),
    );
  });
});

describe('giveBack', () => {
  it('makes the delivery due at once, and does not count the claim', () => {
    const back = giveBack(claimed({ attempts: 1 }), NOW);
    expect(back).toMatchObject({ state: 'pending', claims: 1, attempts: 1, dueAt: new Date(NOW) });
    expect(back.token).toBeUndefined();
    expect(giveBack(claimed({ claims: 0 }), NOW).claims).toBe(0);
  });
});

describe('release', () => {
  it('makes it due without its claim, which counts: the process may have attempted it', () => {
    const released = release(newDelivery('flow:t1', CLAIM), new Date(NOW));
    expect(released).toEqual({
      destination: 'flow:t1',
      untried: 'flow:t1',
      listed: ['pending', 'pending:flow'],
      state: 'pending',
      dueAt: new Date(NOW),
      claims: 1,
      attempts: 0,
      log: [],
    });
  });
});

describe('redeliver', () => {
  it('keeps who asked for the newest ten, the latest last', () => {
    let delivery = claimed();
    for (let n = 1; n <= 12; n++) delivery = redeliver(delivery, new Date(NOW), { ...REQUEST, id: `r${n}` });
    expect(delivery.redeliveries!.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, n) => `r${n + 3}`));
  });

  it('makes it due whatever became of it, and starts the retry schedule anew', () => {
    const missing = { since: new Date(0), times: 9 };
    const dead = { ...settle(claimed({ attempts: 2, aloneRuns: 4 }), failed(), rules), missing };
    expect(dead.state).toBe('dead');
    const again = redeliver(dead, new Date(NOW), REQUEST);
    expect(again).toMatchObject({ state: 'pending', dueAt: new Date(NOW), attempts: 3, retriedFrom: 3, claims: 0 });
    expect([again.reason, again.aloneRuns, again.missing]).toEqual([undefined, undefined, undefined]);
    expect([again.listed, again.redeliveries]).toEqual([['pending', 'pending:webhook'], [REQUEST]]);
    expect(settle(again, failed(), rules)).toMatchObject({ state: 'pending', dueAt: new Date(NOW + 1_000) });
  });
});
