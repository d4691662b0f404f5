import { waitFor } from '../../support/wait-for.js';
import { activeIds, addTenants, checked, checkNow, listsOf, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const PER_TENANT = 3;

jest.setTimeout(60_000);

describe('tenants whose session lists misbehave', () => {
  let round: Round;

  async function start(env: Record<string, string> = {}): Promise<void> {
    round = await Round.start('misbehaving-tenants', { SESSION_SERVICE_REQUEST_TIMEOUT: '5000', ...env });
  }

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const addSessions = (tenants: readonly string[]) =>
    tenants.flatMap((tenant) =>
      Array.from({ length: PER_TENANT }, () => round.addSession(tenant, 20, { messages: [] })),
    );

  /** Of one check: one that a busy machine makes slow leaves the pool, and the check does not wait for it. */
  const onlyActive = (ids: readonly string[]) => {
    const expected = [...ids].sort().join();
    return waitFor('all others to be completed', () => activeIds(round.platform).join() === expected);
  };

  it('eight of sixty that answer 500, the last ones listed: the others are completed at once', async () => {
    await start();
    const healthy = addTenants(round, 52);
    const failing = addTenants(round, 8, 'failing');
    const [ended, waiting] = [addSessions(healthy), addSessions(failing)];
    round.core.badDay.failLists(failing);
    expect(await checked(round)).toMatchObject({ tenantsFailed: 8 });
    await onlyActive(waiting);
    await triggeredOnce(round.platform, ended);
  });

  it.each(['first', 'last'])(
    'twelve of a hundred that hang, the %s ones listed: no other waits for them',
    async (at) => {
      await start();
      const before = at === 'first' ? addTenants(round, 12, 'hanging') : [];
      const healthy = addTenants(round, 88);
      const hanging = at === 'last' ? addTenants(round, 12, 'hanging') : before;
      const [ended, waiting] = [addSessions(healthy), addSessions(hanging)];
      round.core.badDay.hangLists(hanging);
      await checked(round);
      await onlyActive(waiting);
      expect(Math.max(...listsOf(round.platform, hanging))).toBe(1); // not tried again within the check
      await triggeredOnce(round.platform, ended);
    },
  );

  it('a tenant that fails is left alone for a minute while the others are asked at every check', async () => {
    await start({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.005' });
    const healthy = addTenants(round, 30);
    const failing = addTenants(round, 3, 'failing');
    round.core.badDay.failLists(failing);
    const askedAgain = (times: number) => () => Math.min(...listsOf(round.platform, healthy)) >= times;
    await waitFor('two checks of the healthy ones', askedAgain(2));
    const asked = listsOf(round.platform, failing);
    expect(Math.min(...asked)).toBeGreaterThan(0);
    await waitFor('four further checks of the healthy ones', askedAgain(6));
    expect(listsOf(round.platform, failing)).toEqual(asked);
  });

  it('all of them, and the tenants cannot be listed either: the check fails as a whole', async () => {
    await start();
    const tenants = addTenants(round, 30);
    addSessions(tenants);
    await checked(round);
    const late = addSessions(tenants).sort();
    round.core.badDay.failLists(tenants);
    round.core.server.fault({ kind: 'status', status: 500, route: 'GET /tenants' });
    expect(await checkNow(round.service)).toMatchObject({ status: 503 });
    expect(activeIds(round.platform)).toEqual(late);
    round.core.server.clearFaults();
    await checked(round);
    await onlyActive([]);
  });

  it('all of them, although the tenants can be listed: the check gives up after fifty, and fails', async () => {
    await start();
    const tenants = addTenants(round, 120);
    round.core.badDay.failLists(tenants);
    expect(await checkNow(round.service)).toMatchObject({ status: 503 });
    const asked = listsOf(round.platform, tenants).filter((lists) => lists > 0);
    expect(asked.length).toBeLessThanOrEqual(50 + 8); // those that were under way
  });

  it('hbf-core goes away in mid-check: the check fails, and the next one works', async () => {
    await start();
    const tenants = addTenants(round, 60);
    addSessions(tenants);
    let lists = 0;
    const isAway = () => lists > 20;
    round.core.server.onBefore('GET /chat-sessions', () => void lists++);
    round.core.server.fault({
      kind: 'status',
      status: 503,
      when: ({ route }) => route !== 'GET /users/me' && isAway(),
    });
    expect(await checkNow(round.service)).toMatchObject({ status: 503 });
    round.core.server.clearFaults();
    await round.restart(); // what was written down is taken up at once
    const done = async () => (await checked(round)) && activeIds(round.platform).length === 0;
    await waitFor('the other sessions to be completed', done, { timeoutMs: 30_000, intervalMs: 250 });
  });
});
