import { activeIds, checked, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

describe('a session that turns up with an old last interaction (import, restore, late write)', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('found-at-once');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** The first one's sessions end after ten minutes, and each further one's a minute later than the one before. */
  function addTenants(count: number): string[] {
    const ids = Array.from({ length: count }, (_, index) => `t${index}`);
    ids.forEach((id, index) => round.addTenant(id, { expireAfterSeconds: 600 + 60 * index }));
    return ids;
  }

  it.each([1, 25, 200])('is completed by the next check, in each of %i tenants', async (count) => {
    const tenants = addTenants(count);
    const alive = tenants.map((tenant) => round.addSession(tenant, 5, { messages: [] })).sort();
    await checked(round);
    const late = tenants.map((tenant, index) => round.addSession(tenant, 60 + 2 * index, { messages: [] }));
    expect(await checked(round)).toMatchObject({ found: count, completed: count });
    expect(activeIds(round.platform)).toEqual(alive);
    await triggeredOnce(round.platform, late);
  });

  it('is completed by the next check in a tenant that had no session at all', async () => {
    const [, second] = addTenants(2);
    await checked(round);
    const late = round.addSession(second!, 24 * 60);
    expect(await checked(round)).toMatchObject({ found: 1, completed: 1 });
    await triggeredOnce(round.platform, [late]);
  });

  it('is completed by the next check when it was COMPLETED and its status is set back', async () => {
    addTenants(25).forEach((tenant) => round.addSession(tenant, 5, { messages: [] }));
    const back = round.addSession('t3', 60, { status: 'COMPLETED' });
    await checked(round);
    round.core.reactivate(back);
    expect(await checked(round)).toMatchObject({ found: 1, completed: 1 });
    await triggeredOnce(round.platform, [back]);
  });

  it('is completed by the next check when the threshold of its tenant was shortened', async () => {
    addTenants(25).forEach((tenant) => round.addSession(tenant, 5, { messages: [] }));
    await checked(round);
    const settings = { session: { expireInactiveSessionAfter: 60 } };
    round.core.changeTenant('t3', { settings });
    expect(await checked(round)).toMatchObject({ found: 1, completed: 1 });
  });
});
