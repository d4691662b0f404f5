import fc from 'fast-check';
import type { LiveChat } from '../platform/core/chat-session.dto.js';
import { decide, endOf, expectedEnd, type ExpiryTimes, isOpen, lastSignOfLife, thresholdOf } from './expiry-policy.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const MINUTE_MS = 60_000;
const times: ExpiryTimes = {
  now: NOW,
  threshold: { seconds: 600, rule: 'tenant-threshold' },
  liveChatMaxIdleMs: 1440 * MINUTE_MS,
};

function session(idleMs: number, liveChats: (string | undefined)[] = [], status: string | undefined = 'ACTIVE') {
  return {
    status,
    lastInteraction: new Date(NOW - idleMs),
    liveChats: liveChats.map((liveChatEventType) => ({ liveChatEventType })),
  };
}

describe('thresholdOf', () => {
  it("is the tenant's own, else the default", () => {
    expect(thresholdOf({ expireAfterSeconds: 60 }, 1800)).toEqual({ seconds: 60, rule: 'tenant-threshold' });
    expect(thresholdOf({ expireAfterSeconds: undefined }, 1800)).toEqual({ seconds: 1800, rule: 'default-threshold' });
  });

  it('is never so long that the time before it cannot be told', () => {
    const { seconds } = thresholdOf({ expireAfterSeconds: Number.MAX_VALUE }, 1800);
    expect(new Date(NOW - seconds * 1000).toISOString()).toBe('1926-12-15T12:00:00.000Z');
  });
});

describe('isOpen', () => {
  it.each([
    'LIVECHAT_TERMINATED',
    'LIVECHAT_ABANDONED',
    'LIVECHAT_REQUEST_MISSED',
    'LIVECHAT_REQUEST_CLOSED',
    'LIVECHAT_IS_DISABLED',
    'LIVECHAT_OUT_OF_BUSINESS_HOURS',
    'LIVECHAT_REQUEST_EXISTS',
    'LIVECHAT_GENERIC_ERROR',
  ])('is closed after %s', (liveChatEventType) => expect(isOpen({ liveChatEventType })).toBe(false));

  it.each([
    'LIVECHAT_INITIALIZED',
    'LIVECHAT_REQUESTED',
    'LIVECHAT_MESSAGE_EXCHANGED',
    'LIVECHAT_FROM_2030',
    undefined,
  ])('is open after %s', (liveChatEventType) => expect(isOpen({ liveChatEventType })).toBe(true));
});

describe('decide', () => {
  it('ends a session that is idle for longer than the threshold, not one that is idle for just as long', () => {
    expect(decide(session(600_000), times)).toEqual({ action: 'keep' });
    expect(decide(session(600_001), times)).toEqual({ action: 'complete', rule: 'tenant-threshold' });
  });

  it('does not trust the status filter of hbf-core', () => {
    expect(decide(session(700_000, [], 'COMPLETED'), times)).toEqual({ action: 'keep' });
    expect(decide({ ...session(700_000), status: undefined }, times)).toMatchObject({ action: 'complete' });
  });

  it('holds a session for one open live chat among closed ones', () => {
    const liveChats = ['LIVECHAT_TERMINATED', 'LIVECHAT_REQUESTED', 'LIVECHAT_ABANDONED'];
    expect(decide(session(700_000, liveChats), times)).toEqual({ action: 'hold' });
    expect(decide(session(700_000, ['LIVECHAT_ABANDONED']), times)).toMatchObject({ action: 'complete' });
  });

  it('ends it all the same once it is idle for longer than live chats may be', () => {
    const open = ['LIVECHAT_REQUESTED'];
    expect(decide(session(1440 * MINUTE_MS, open), times)).toEqual({ action: 'hold' });
    expect(decide(session(1440 * MINUTE_MS + 1, open), times)).toEqual({
      action: 'complete',
      rule: 'live-chat-max-idle',
    });
  });

  describe('of a session with an open live chat', () => {
    const open = 'LIVECHAT_MESSAGE_EXCHANGED';
    const at = (idleMinutes: number) => new Date(NOW - idleMinutes * MINUTE_MS);
    const silent = (liveChats: LiveChat[]) => ({ ...session(3_000 * MINUTE_MS), liveChats });

    it.each<[string, LiveChat[], number | undefined]>([
      ['counts from updatedAt', [{ liveChatEventType: open, updatedAt: at(1500) }], 1500],
      ["counts from the end user's last message", [{ liveChatEventType: open, lastEndUserMessageAt: at(1500) }], 1500],
      [
        'counts from the later one',
        [{ liveChatEventType: open, updatedAt: at(2000), lastEndUserMessageAt: at(1500) }],
        1500,
      ],
      ['counts from lastInteraction where that is later', [{ liveChatEventType: open, updatedAt: at(4000) }], 3000],
      ['holds it while there is a newer sign', [{ liveChatEventType: open, updatedAt: at(1440) }], undefined],
      [
        'holds it for the latest of several',
        [
          { liveChatEventType: open, updatedAt: at(2000) },
          { liveChatEventType: open, updatedAt: at(5) },
        ],
        undefined,
      ],
      [
        'does not count signs of a closed one',
        [{ liveChatEventType: open }, { liveChatEventType: 'LIVECHAT_TERMINATED', updatedAt: at(5) }],
        3000,
      ],
      [
        'takes no notice of a sign that is more than a day ahead',
        [{ liveChatEventType: open, updatedAt: at(-1441) }],
        3000,
      ],
    ])('%s', (_, liveChats, sinceMinutes) => {
      const one = silent(liveChats);
      const decision = decide(one, times);
      if (sinceMinutes === undefined) return expect(decision).toEqual({ action: 'hold' });
      expect(decision).toEqual({ action: 'complete', rule: 'live-chat-max-idle' });
      expect(lastSignOfLife(one, NOW)).toEqual(at(sinceMinutes));
    });
  });

  it.each([
    ['1999-12-31T23:59:59Z', 'lastInteraction lies before the year 2000'],
    [new Date(NOW + 1441 * MINUTE_MS), 'lastInteraction lies more than a day in the future'],
  ])('rejects a session whose last interaction was at %s', (lastInteraction, problem) => {
    const one = { ...session(0), lastInteraction: new Date(lastInteraction) };
    expect(decide(one, times)).toEqual({ action: 'reject', problem });
    expect(decide({ ...one, status: 'COMPLETED' }, times)).toEqual({ action: 'keep' });
  });

  it.each(['2000-01-01T00:00:00Z', new Date(NOW + 1440 * MINUTE_MS)])('does not reject one at %s', (lastInteraction) =>
    expect(decide({ ...session(0), lastInteraction: new Date(lastInteraction) }, times).action).not.toBe('reject'),
  );

  const anySession = fc.record({
    idleMs: fc.integer({ min: -10 * MINUTE_MS, max: 3 * 1440 * MINUTE_MS }),
    liveChats: fc.array(fc.constantFrom(undefined, 'LIVECHAT_TERMINATED', 'LIVECHAT_REQUESTED', 'SOMETHING_NEW'), {
      maxLength: 4,
    }),
    status: fc.constantFrom(undefined, 'ACTIVE', 'COMPLETED', 'PAUSED'),
  });
  const anyTimes = fc.record({
    seconds: fc.integer({ min: 1, max: 200_000 }),
    maxIdleMinutes: fc.integer({ min: 0, max: 3 * 1440 }),
  });

  it('completes an open session after its expected end and not before, by the rule that was told', () => {
    fc.assert(
      fc.property(
        anySession,
        anyTimes,
        fc.integer({ min: -1, max: 1 }),
        ({ idleMs, liveChats }, { seconds, maxIdleMinutes }, aroundMs) => {
          const threshold = { seconds, rule: 'tenant-threshold' as const };
          const at = (now: number) => ({ now, threshold, liveChatMaxIdleMs: maxIdleMinutes * MINUTE_MS });
          const one = session(idleMs, liveChats);
          const { rule, endsAt } = expectedEnd(one, at(NOW));
          const decision = decide(one, at(endsAt.getTime() + aroundMs));
          expect(decision.action === 'complete').toBe(aroundMs > 0);
          if (decision.action === 'complete') expect(decision.rule).toBe(rule);
        },
      ),
    );
  });

  it('never ends a session before its threshold, nor one with an open live chat before its own', () => {
    fc.assert(
      fc.property(anySession, anyTimes, ({ idleMs, liveChats, status }, { seconds, maxIdleMinutes }) => {
        const liveChatMaxIdleMs = maxIdleMinutes * MINUTE_MS;
        const threshold = { seconds, rule: 'default-threshold' as const };
        const one = { ...session(idleMs, liveChats), status };
        const { action } = decide(one, { now: NOW, threshold, liveChatMaxIdleMs });
        const active = status === undefined || status === 'ACTIVE';
        const idle = active && idleMs > seconds * 1000;
        const open = liveChats.some((type) => type !== 'LIVECHAT_TERMINATED');
        expect(action).toBe(!idle ? 'keep' : !open || idleMs > liveChatMaxIdleMs ? 'complete' : 'hold');
      }),
    );
  });

  it('never takes a decision back while nobody writes: keep, then hold, then complete', () => {
    const order = ['keep', 'hold', 'complete'];
    fc.assert(
      fc.property(anySession, fc.integer({ min: 0, max: 2 * 1440 * MINUTE_MS }), ({ idleMs, liveChats }, later) => {
        const one = session(idleMs, liveChats);
        const before = order.indexOf(decide(one, times).action);
        const after = order.indexOf(decide(one, { ...times, now: NOW + later }).action);
        expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});

describe('the end of a session', () => {
  it.each([
    ['its threshold', 'tenant-threshold', 600, 10],
    ['the live chat limit, where an open live chat decides', 'live-chat-max-idle', 600, 1440],
    ['its threshold also then, where that is the longer one', 'live-chat-max-idle', 1500 * 60, 1500],
  ] as const)('comes after %s', (_, rule, thresholdSeconds, minutes) => {
    const end = endOf({ rule, thresholdSeconds, lastInteraction: new Date(NOW) }, times.liveChatMaxIdleMs);
    expect(end).toEqual(new Date(NOW + minutes * MINUTE_MS));
  });

  it('comes after the live chat limit, counted from the last sign of life', () => {
    const lastInteraction = new Date(NOW);
    const lastSignOfLife = new Date(NOW + 50 * MINUTE_MS);
    const ended = { rule: 'live-chat-max-idle' as const, thresholdSeconds: 600, lastInteraction, lastSignOfLife };
    expect(endOf(ended, times.liveChatMaxIdleMs)).toEqual(new Date(NOW + 1490 * MINUTE_MS));
  });
});
