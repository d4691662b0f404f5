import { stubOf } from '../../test/support/stub.js';
import { Logger } from '@nestjs/common';
import { type OperatorAlert, OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { CoreClock } from '../platform/core/core-clock.js';
import { ExpiryClock } from './expiry-clock.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW = Date.parse('2026-11-20T12:00:00Z');

describe('ExpiryClock', () => {
  /** How far each clock is off, in milliseconds; `core` undefined: hbf-core tells no time. */
  let off: { core: number | undefined; database: number; own: number };
  let monotonic: number;
  let raised: OperatorAlert[];
  let lines: unknown[];
  let clock: ExpiryClock;

  beforeEach(() => {
    [off, monotonic, raised, lines] = [{ core: 0, database: 0, own: 0 }, 0, [], []];
    jest.spyOn(Date, 'now').mockImplementation(() => NOW + off.own);
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic);
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((_, text) => void lines.push(text));
    jest.spyOn(Logger.prototype, 'log').mockImplementation((_, text) => void lines.push(text));
    const database = stubOf(Clock, { steadyNow: () => NOW + off.database });
    const core = stubOf(CoreClock, { now: () => (off.core === undefined ? undefined : NOW + off.core) });
    const alerts = stubOf(OperatorAlerts, { raise: (alert) => Promise.resolve(void raised.push(alert)) });
    clock = new ExpiryClock(database, core, alerts);
  });
  afterEach(() => jest.restoreAllMocks());

  it.each([
    ['the database is an hour ahead: nothing ends early', { database: HOUR_MS }, 0],
    ["this machine's clock jumps an hour ahead: nothing ends early", { own: HOUR_MS }, 0],
    ['database and machine are an hour ahead: nothing ends early', { database: HOUR_MS, own: HOUR_MS }, 0],
    ['hbf-core, which stamps the sessions, is an hour behind: nothing ends early', { core: -HOUR_MS }, -HOUR_MS],
    ['hbf-core is an hour ahead: the other two decide', { core: HOUR_MS }, 0],
    ['the database alone is an hour slow: expiry goes on', { database: -HOUR_MS }, 0],
    ["this machine's clock alone is an hour slow: expiry goes on", { own: -HOUR_MS }, 0],
    ['hbf-core tells no time: the earlier one of the others', { core: undefined, database: HOUR_MS }, 0],
    ['hbf-core tells no time: the earlier one of the others', { core: undefined, own: HOUR_MS }, 0],
    ['hbf-core tells no time: the earlier one of the others', { core: undefined, database: -HOUR_MS }, -HOUR_MS],
  ])('%s', (_, wrong, expected) => {
    Object.assign(off, wrong);
    expect(clock.now() - NOW).toBe(expected);
  });

  it('says nothing of clocks that are a minute apart at most', () => {
    off.database = 30_000;
    off.core = -30_000;
    clock.now();
    expect([lines, raised]).toEqual([[], []]);
  });

  it.each([
    ['database', { database: HOUR_MS }],
    ['own clock', { own: -HOUR_MS }],
    ['hbf-core', { core: -HOUR_MS }],
    ['database, without a time from hbf-core', { core: undefined, database: HOUR_MS }],
  ])('tells log and operators once that clocks are apart: %s', (_, wrong) => {
    Object.assign(off, wrong);
    for (let n = 0; n < 50; n++) clock.now();
    expect(lines).toEqual(['clocks.apart']);
    expect(raised).toMatchObject([
      { kind: 'clocks-apart', key: 'clocks', subject: expect.stringContaining('3600 s apart') as string },
    ]);
  });

  it('raises again after a minute at the earliest, and says when the clocks agree again', () => {
    off.database = HOUR_MS;
    clock.now();
    monotonic += MINUTE_MS;
    clock.now();
    expect(raised).toHaveLength(2);
    off.database = 0;
    monotonic += MINUTE_MS;
    clock.now();
    expect(raised).toHaveLength(2);
    expect(lines).toEqual(['clocks.apart', 'clocks.agree']);
  });

  it('tells how far the clocks are ahead of its own', () => {
    Object.assign(off, { core: 2_000, database: -5_000, own: 1_000 });
    expect(clock.offsets()).toEqual({ core: 1_000, database: -6_000 });
    off.core = undefined;
    expect(clock.offsets()).toEqual({ core: undefined, database: -6_000 });
  });
});
