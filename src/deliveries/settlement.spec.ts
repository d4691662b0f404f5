import fc from 'fast-check';
import { type Delivery, newDelivery } from './completion.js';
import { type DeliveryResult, giveBack, settle, type SettlementRules } from './settlement.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const rules: SettlementRules = { now: NOW, retryScheduleMs: [1_000, 10_000], random: () => 0.5 };

function claimed(more: Partial<Delivery> = {}): Delivery {
  const claim = { token: 'token', dueAt: new Date(NOW + 60_000), claims: 2 };
  return { ...newDelivery('webhook:1'), ...claim, ...more };
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

describe('settle', () => {
  it('closes what was delivered, and forgets the error before it', () => {
    const settled = settle(claimed({ attempts: 1, lastError: 'http_503: no', lastStatus: 503 }), delivered, rules);
    expect(settled).toEqual({
      destination: 'webhook:1',
      channel: 'webhook',
      integrationId: 1,
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
    expect(first).toMatchObject({ state: 'owed', attempts: 1, claims: 0, dueAt: new Date(NOW + 1_000) });
    expect(first).toMatchObject({ lastStatus: 503, lastError: 'http_503: no' });
    const second = settle({ ...first, token: 'another' }, failed(), rules);
    expect(second).toMatchObject({ state: 'owed', attempts: 2, dueAt: new Date(NOW + 10_000) });
    const third = settle(second, failed(), rules);
    expect(third).toMatchObject({ state: 'dead', attempts: 3, reason: 'failed 3 times' });
  });

  it('forgets the status of an earlier attempt when there was no answer at all', () => {
    const { statusCode: _status, ...silent } = failed() as Extract<DeliveryResult, { result: 'failed' }>;
    expect(settle(claimed({ lastStatus: 503 }), silent, rules)).not.toHaveProperty('lastStatus');
  });

  it('gives up at once what trying again cannot help', () => {
    expect(settle(claimed(), failed({ retryable: false, code: 'http_410' }), rules)).toMatchObject({
      state: 'dead',
      attempts: 1,
      reason: 'http_410: trying again cannot help',
    });
  });

  it('starts the schedule anew from where an admin asked to send it again', () => {
    const settled = settle(claimed({ attempts: 3, retriedFrom: 3 }), failed(), rules);
    expect(settled).toMatchObject({ state: 'owed', attempts: 4, dueAt: new Date(NOW + 1_000) });
  });

  it('spends no attempt on what was dropped, impossible or postponed', () => {
    const dropped = settle(claimed(), { result: 'dropped', reason: 'removed' }, rules);
    expect(dropped).toMatchObject({ state: 'dropped', attempts: 0, reason: 'removed', log: [] });
    const impossible = settle(claimed(), { result: 'impossible', code: 'session_gone', message: 'gone' }, rules);
    expect(impossible).toMatchObject({ state: 'dead', attempts: 0, reason: 'gone', lastError: 'session_gone: gone' });
    const postponed = settle(claimed(), { result: 'postponed', code: 'x', message: 'away', delayMs: 500 }, rules);
    expect(postponed).toMatchObject({ state: 'owed', attempts: 0, claims: 0, dueAt: new Date(NOW + 500) });
  });

  it('remembers which surveys were triggered, whatever came of the rest', () => {
    const triggeredSurveys = ['s1', 's2'];
    expect(settle(claimed(), { ...failed(), triggeredSurveys }, rules).triggeredSurveys).toEqual(triggeredSurveys);
    const next = settle(claimed({ triggeredSurveys }), failed(), rules);
    expect(next.triggeredSurveys).toEqual(triggeredSurveys);
  });

  it('keeps all that is known of the delivery but its claim', () => {
    const known: Required<Omit<Delivery, 'dueAt' | 'token' | 'aloneRuns'>> = {
      destination: 'webhook:1',
      channel: 'webhook',
      integrationId: 1,
      state: 'owed',
      claims: 2,
      attempts: 3,
      retriedFrom: 3,
      lastStatus: 503,
      lastError: 'http_503: no',
      at: new Date(0),
      reason: 'failed 3 times',
      log: [{ at: new Date(0), result: 'failed', code: 'http_503', durationMs: 4 }],
      triggeredSurveys: ['s1'],
    };
    const claim = { dueAt: new Date(0), token: 'token', aloneRuns: 1 };
    const settled = settle({ ...known, ...claim }, { result: 'dropped', reason: 'removed' }, rules);
    expect(settled).toEqual({ ...known, state: 'dropped', reason: 'removed', at: new Date(NOW) });
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
    fc.constant<DeliveryResult>({ result: 'dropped', reason: 'r' }),
    fc.constant<DeliveryResult>({ result: 'impossible', code: 'c', message: 'm' }),
    fc.nat().map((delayMs): DeliveryResult => ({ result: 'postponed', code: 'c', message: 'm', delayMs })),
  );

  it('never leaves a claim behind; what is owed has a due time from now on, nothing else has one', () => {
    fc.assert(
      fc.property(anyResult, fc.nat({ max: 5 }), (result, attempts) => {
        const before = claimed({ attempts });
        const frozen = structuredClone(before);
        const settled = settle(before, result, rules);
        expect(before).toEqual(frozen);
        expect(settled).not.toHaveProperty('token');
        if (settled.state === 'owed') expect(settled.dueAt!.getTime()).toBeGreaterThanOrEqual(NOW);
        else expect(settled).not.toHaveProperty('dueAt');
        const hadOutcome = result.result === 'delivered' || result.result === 'failed';
        expect(settled.attempts).toBe(attempts + (hadOutcome ? 1 : 0));
      }),
    );
  });
});

describe('giveBack', () => {
  it('makes it due at once, and the claim does not count', () => {
    const back = giveBack(claimed({ attempts: 1 }), NOW);
    expect(back).toMatchObject({ state: 'owed', claims: 1, attempts: 1, dueAt: new Date(NOW) });
    expect(back).not.toHaveProperty('token');
    expect(giveBack(claimed({ claims: 0 }), NOW).claims).toBe(0);
  });
});
