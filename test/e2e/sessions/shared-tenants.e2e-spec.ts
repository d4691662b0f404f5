import { waitFor } from '../../support/wait-for.js';
import { canariesOf, checkNow, listsOf } from '../fixtures/on-demand.js';
import { ProcessRound } from '../fixtures/process.js';

const TENANTS = Array.from({ length: 24 }, (_, index) => `t${index}`);
const INTERVALS = 4;

jest.setTimeout(90_000);

describe('two replicas', () => {
  let round: ProcessRound;

  async function start(intervalInMins: string): Promise<readonly [string, string]> {
    round = await ProcessRound.start('shared-tenants', { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: intervalInMins });
    TENANTS.forEach((tenant) => round.addTenant(tenant));
    const one = await round.spawn({ INSTANCE_NAME: 'replica-1' });
    await one.waitReady(); // it migrates the database
    const two = await round.spawn({ INSTANCE_NAME: 'replica-2' });
    await two.waitReady();
    return [one.url, two.url];
  }

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const lists = () => listsOf(round.platform, TENANTS);

  it('ask together for each tenant once per interval: one canary each, and half of the tenants', async () => {
    await start('0.02');
    await waitFor('both to share the tenants', () => Math.min(...lists()) >= 2, { timeoutMs: 30_000 });
    round.platform.core.server.resetCounters();
    await waitFor('further intervals', () => Math.min(...lists()) >= INTERVALS, { timeoutMs: 30_000 });
    const checks = canariesOf(round.platform).length; // of both: two per interval
    expect(2 * Math.max(...lists())).toBeLessThanOrEqual(checks + 2 * 2); // an interval of each has begun or not ended
  });

  it.each([0, 1])('on demand, number %i asks for every tenant, whoever checks it on schedule', async (which) => {
    const urls = await start('0');
    round.platform.core.server.resetCounters();
    expect(await checkNow({ url: urls[which]! })).toMatchObject({ status: 200, figures: { tenants: TENANTS.length } });
    expect(lists()).toEqual(TENANTS.map(() => 1));
    expect(canariesOf(round.platform)).toHaveLength(1);
  });
});
