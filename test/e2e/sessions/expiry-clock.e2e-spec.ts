import { Clock, type ClockReading } from '../../../src/persistence/clock.js';
import { DryRun } from '../../../src/sessions/dry-run.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { Scrape } from '../fixtures/metrics.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

/** The clock of a database server that is an hour away from everybody's. */
class AwayClock extends Clock {
  constructor(private readonly awayMs: number) {
    super();
  }

  override correct(readings: readonly ClockReading[]): void {
    super.correct(readings.map((one) => ({ ...one, serverTime: one.serverTime + this.awayMs })));
  }
}

describe('a dry run while the clock of the database is wrong', () => {
  let round: Round;

  async function start(awayMs: number): Promise<void> {
    round = await Round.start('expiry-clock', {}, () => [[Clock, new AwayClock(awayMs)]]);
    round.addTenant('t1');
  }

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('ends no conversation early when it is an hour ahead, and tells how far the clocks are apart', async () => {
    await start(HOUR_MS);
    for (let n = 0; n < 10; n++) round.addSession('t1', 1);
    const { complete } = await round.service.get(DryRun).run();
    expect(complete.count).toBe(0);
    const metrics = await Scrape.of(`${round.service.url}/metrics`);
    expect(Math.abs(metrics.value('clock_offset_seconds', { clock: 'database' })! - 3600)).toBeLessThan(60);
    expect(Math.abs(metrics.value('clock_offset_seconds', { clock: 'hbf-core' })!)).toBeLessThan(60);
  });

  it('still finds what has ended when it is an hour behind', async () => {
    await start(-HOUR_MS);
    const sessionId = round.addSession('t1', 20);
    const { complete } = await round.service.get(DryRun).run();
    expect(complete.sessions.map((one) => one.sessionId)).toEqual([sessionId]);
  });
});
