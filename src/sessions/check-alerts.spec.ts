import { Config } from '../config/config.js';
import { type OperatorAlert, OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { PlatformError, type PlatformErrorKind } from '../platform/platform-error.js';
import { CheckAlerts } from './check-alerts.js';

const MINUTE = 60_000;

class MovableClock extends Clock {
  at = Date.UTC(2026, 0, 1);
  override now(): number {
    return this.at;
  }
}

class JournalOfAlerts extends OperatorAlerts {
  readonly raised: OperatorAlert[] = [];
  raise(alert: OperatorAlert): Promise<void> {
    this.raised.push(alert);
    return Promise.resolve();
  }
}

describe('CheckAlerts', () => {
  const build = (intervalMinutes: number) => {
    const clock = new MovableClock();
    const journal = new JournalOfAlerts();
    const config = Object.assign(new Config(), { sessionCheckIntervalMs: intervalMinutes * MINUTE });
    const alerts = new CheckAlerts(config, clock, journal);
    alerts.began();
    return { alerts, clock, kinds: () => journal.raised.map(({ kind }) => kind), journal };
  };

  const refusal = (kind: PlatformErrorKind) =>
    new PlatformError({ service: 'hbf-core', route: '/tenants', kind, code: 'http_401', status: 401 });

  it('tells that hbf-core refuses the service', async () => {
    const { alerts, journal } = build(5);
    await alerts.failed(refusal('unauthorized'));
    expect(journal.raised).toEqual([
      {
        kind: 'core-refuses',
        key: 'hbf-core',
        subject: 'hbf-core refuses this service',
        details: { Route: '/tenants', Answer: 'http_401', 'What to do': expect.stringContaining('CORE_TOKEN') },
      },
    ]);
  });

  it('is silent about a check that failed otherwise', async () => {
    const { alerts, kinds } = build(5);
    for (const error of [refusal('failed'), refusal('timeout'), new Error('away')]) await alerts.failed(error);
    expect(kinds()).toEqual([]);
  });

  it.each([
    { intervalMinutes: 1, lateAfterMinutes: 15 },
    { intervalMinutes: 5, lateAfterMinutes: 15 },
    { intervalMinutes: 60, lateAfterMinutes: 180 },
  ])('calls a check late after three intervals, fifteen minutes at least: %o', async (given) => {
    const { alerts, clock, kinds, journal } = build(given.intervalMinutes);
    clock.at += given.lateAfterMinutes * MINUTE - 1;
    await alerts.failed(new Error('away'));
    expect(kinds()).toEqual([]);
    clock.at += 1;
    await alerts.failed(new Error('away'));
    expect(kinds()).toEqual(['session-check-late']);
    expect(journal.raised[0]!.subject).toBe(`No session check has finished for ${given.lateAfterMinutes} minutes`);
  });

  it('tells of a check that finished late, and computes from its end', async () => {
    const { alerts, clock, kinds } = build(5);
    clock.at += 20 * MINUTE;
    await alerts.finished();
    expect(kinds()).toEqual(['session-check-late']);
    alerts.began();
    clock.at += 14 * MINUTE;
    await alerts.failed(new Error('away'));
    expect(kinds()).toEqual(['session-check-late']);
  });

  it('counts a row of failures from the last check that finished', async () => {
    const { alerts, clock, kinds } = build(5);
    await alerts.finished();
    for (const expected of [[], [], ['session-check-late']]) {
      clock.at += 5 * MINUTE;
      alerts.began();
      await alerts.failed(new Error('away'));
      expect(kinds()).toEqual(expected);
    }
  });

  it('knows no lateness where the job is switched off', async () => {
    const { alerts, clock, kinds } = build(0);
    clock.at += 1_000 * MINUTE;
    await alerts.finished();
    expect(kinds()).toEqual([]);
  });
});
