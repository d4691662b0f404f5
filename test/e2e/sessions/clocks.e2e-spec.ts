import { HOUR_MS, MINUTE_MS } from '../../support/time-machine.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { activeIds, checked, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

describe('a session check while the clock of hbf-core is not that of the service', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('clocks');
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** Sessions are stamped by hbf-core's clock. */
  const addSession = (idleMinutes: number, aheadMs: number) =>
    round.addSession('t1', 0, { lastInteraction: new Date(Date.now() + aheadMs - idleMinutes * MINUTE_MS) });

  it.each([
    ['an hour behind', -HOUR_MS],
    ['an hour ahead', HOUR_MS],
    ['eleven minutes behind', -11 * MINUTE_MS],
  ])('%s: no session that was active a minute ago is completed', async (_what, aheadMs) => {
    round.core.badDay.tellTime({ aheadMs });
    const alive = [1, 5, 9].map((idle) => addSession(idle, aheadMs)).sort();
    await checked(round);
    await checked(round);
    expect(activeIds(round.platform)).toEqual(alive);
    expect(round.platform.publisher.triggers).toEqual([]);
  });

  it('an hour behind: a session that has ended by it is completed', async () => {
    round.core.badDay.tellTime({ aheadMs: -HOUR_MS });
    const alive = addSession(1, -HOUR_MS);
    const ended = addSession(20, -HOUR_MS);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    expect(activeIds(round.platform)).toEqual([alive]);
    await triggeredOnce(round.platform, [ended]);
  });

  it('an hour behind: the service warns', async () => {
    const logs = captureLogs(round);
    round.core.badDay.tellTime({ aheadMs: -HOUR_MS });
    await checked(round);
    await checked(round);
    const warnings = logs.filter(({ level, event }) => level === 'warn' && /clock/.test(event));
    expect(warnings.length).toBeGreaterThan(0);
  });

  it('an answer from a cache (`Age`) tells no time', async () => {
    round.core.badDay.tellTime({ aheadMs: -HOUR_MS, age: 3_600 });
    const ended = round.addSession('t1', 20);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    await triggeredOnce(round.platform, [ended]);
  });

  it('a Date that is none tells no time', async () => {
    round.core.server.answerHeaders = () => ({ date: 'yesterday' });
    const ended = round.addSession('t1', 20);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    await triggeredOnce(round.platform, [ended]);
  });
});
