import { Logger } from '@nestjs/common';
import { testConfig } from '../../test/support/service-environment.js';
import { FakeCore, HOUR_MS, MINUTE_MS, NOW, session, tenants } from '../../test/support/session-list-fake.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { noFigures } from './check-figures.js';
import { CheckPlanner } from './check-planner.js';
import { SetAside } from './set-aside.js';

describe('CheckPlanner', () => {
  let core: FakeCore;
  let setAside: SetAside;
  let planner: CheckPlanner;
  let figures: ReturnType<typeof noFigures>;

  beforeAll(() => {
    Logger.overrideLogger(false);
  });

  beforeEach(() => {
    core = new FakeCore();
    setAside = new SetAside();
    figures = noFigures();
    planner = new CheckPlanner(testConfig(), core as unknown as CoreClient, setAside);
  });

  async function plan(of: Tenant[], now = NOW): Promise<string[]> {
    return (await planner.tenantsToScan(of, now, figures)).map(({ id }) => id);
  }

  it('names the tenants with a session that has ended, and asks without messages', async () => {
    core.sessions = [session('a', 't0', 11 * MINUTE_MS), session('b', 't1', 9 * MINUTE_MS)];
    expect(await plan(tenants(3))).toEqual(['t0']);
    expect(core.queries.map(({ tenantId }) => tenantId)).toEqual(['t0', 't1', 't2']);
    for (const query of core.queries) expect(query).toMatchObject({ includeMessages: false, page: 0 });
  });

  it('asks nothing of a tenant until its oldest session can have ended', async () => {
    core.sessions = [session('old', 't0', 4 * MINUTE_MS), session('young', 't0', MINUTE_MS)];
    await plan(tenants(1));
    expect(core.calls()).toBe(1);
    expect(await plan(tenants(1), NOW + 6 * MINUTE_MS)).toEqual([]);
    expect(core.calls()).toBe(0);
    expect(await plan(tenants(1), NOW + 6 * MINUTE_MS + 1)).toEqual(['t0']);
    expect(core.calls()).toBe(1);
  });

  it('looks again at a tenant that it had scanned', async () => {
    core.sessions = [session('a', 't0', 11 * MINUTE_MS)];
    await plan(tenants(1));
    core.sessions = [];
    core.calls();
    expect(await plan(tenants(1), NOW + 1)).toEqual([]);
    expect(core.calls()).toBe(1);
  });

  it('minds a threshold that was lowered meanwhile', async () => {
    core.sessions = [session('a', 't0', 4 * MINUTE_MS)];
    await plan(tenants(1));
    expect(await plan(tenants(1, 120), NOW + 1)).toEqual(['t0']);
  });

  it('relies on no outlook for longer than an hour and a quarter', async () => {
    const slow = tenants(1, 90_000);
    await plan(slow);
    core.calls();
    await plan(slow, NOW + 0.7 * HOUR_MS);
    expect(core.calls()).toBe(0);
    await plan(slow, NOW + 1.26 * HOUR_MS);
    expect(core.calls()).toBe(1);
  });

  it('counts what is held, and looks at it again at the next check', async () => {
    core.sessions = [session('a', 't0', 11 * MINUTE_MS, 'LIVECHAT_REQUESTED')];
    expect(await plan(tenants(1))).toEqual([]);
    expect(figures.held).toBe(1);
    core.calls();
    await plan(tenants(1), NOW + 1);
    expect(core.calls()).toBe(1);
  });

  it('has a tenant scanned whose sessions do not fit one page, and not for what is set aside', async () => {
    const many = Array.from({ length: 101 }, (_, n) => session(`s${n}`, 't0', MINUTE_MS));
    core.sessions = [...many, session('poison', 't1', 11 * MINUTE_MS)];
    setAside.add('poison', 't1', 'refused');
    expect(await plan(tenants(2))).toEqual(['t0']);
  });

  it('sets aside what it cannot read', async () => {
    core.rejected.push({ id: 'broken', problem: 'session.lastInteraction must be a date-time' });
    expect(await plan(tenants(1))).toEqual([]);
    expect(setAside.has('broken')).toBe(true);
    expect(figures.malformed).toBe(1);
  });

  describe('over very many tenants', () => {
    const MANY = 5_000;

    // an idle night: none of them is past the 600 s of its tenant
    const idle = Array.from({ length: 200_000 }, (_, n) => session(`s${n}`, `t${n % MANY}`, (n % 300) * 1000));

    /** The idle night, with some of its sessions replaced. */
    function sessions(others: Record<number, ChatSession> = {}): void {
      core.sessions = idle.map((one, n) => others[n] ?? one);
    }

    beforeEach(() => sessions());

    it('finds nothing to do with one listing, and then with no call at all', async () => {
      const all = tenants(MANY);
      expect(await plan(all)).toEqual([]);
      expect(core.calls()).toBeLessThanOrEqual(100);
      expect(await plan(all, NOW + 5_000)).toEqual([]);
      expect(core.calls()).toBe(0);
    });

    it('finds the few tenants with sessions that ended', async () => {
      const held = session('held', 't78', 11 * MINUTE_MS, 'LIVECHAT_REQUESTED');
      sessions({ 1_234: session('ended', 't77', 11 * MINUTE_MS), 199_999: held });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(figures.held).toBe(1);
    });

    it('lists to the end where hbf-core does not tell how many there are', async () => {
      core.tellsTotal = false;
      sessions({ 199_999: session('ended', 't77', 11 * MINUTE_MS) });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.calls()).toBeLessThanOrEqual(101);
    });

    it('lists to the end where hbf-core gives fewer a page than it was asked for', async () => {
      core.pageLimit = 1_000;
      sessions({ 199_999: session('ended', 't77', 11 * MINUTE_MS) });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.queries.every(({ tenantId }) => tenantId === undefined)).toBe(true);
    });

    it('probes each tenant where the listing does not tell whose the sessions are', async () => {
      core.tellsTenant = false;
      core.sessions = [session('ended', 't77', 11 * MINUTE_MS), session('active', 't78', MINUTE_MS)];
      expect(await plan(tenants(200))).toEqual(['t77']);
      expect(core.calls()).toBe(1 + 200);
    });

    it('probes where that is cheaper than the listing', async () => {
      const few = tenants(50);
      expect(await plan(few)).toEqual([]);
      expect(core.calls()).toBe(1 + few.length); // the first page told that there are a hundred
    });

    it('sets aside what it cannot read in the listing', async () => {
      core.rejected.push({ id: 'broken', problem: 'session.lastInteraction must be a date-time' });
      await plan(tenants(MANY));
      expect(setAside.has('broken')).toBe(true);
      expect(figures.malformed).toBe(1);
    });

    it('lets one session without a tenant stop itself alone', async () => {
      const lost = { ...session('lost', '', 11 * MINUTE_MS), tenantId: undefined };
      sessions({ 5: lost, 1_234: session('ended', 't77', 11 * MINUTE_MS) });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.calls()).toBeLessThanOrEqual(100);
      expect(setAside.has('lost')).toBe(true);
      expect(figures.malformed).toBe(1);
    });
  });

  describe('where hbf-core fails', () => {
    it('leaves a tenant that cannot be probed to the scan, and goes on', async () => {
      core.sessions = [session('a', 't2', 11 * MINUTE_MS)];
      core.fails = ({ tenantId }) => tenantId === 't1';
      expect(await plan(tenants(4))).toEqual(['t1', 't2']);
    });

    it('falls back to probes when it is the listing that fails', async () => {
      core.sessions = [session('a', 't2', 11 * MINUTE_MS)];
      core.fails = ({ tenantId }) => tenantId === undefined;
      expect(await plan(tenants(30))).toEqual(['t2']);
      expect(core.calls()).toBe(1 + 30);
    });

    it('fails when no tenant can be probed, and soon', async () => {
      core.fails = () => true;
      await expect(plan(tenants(1))).rejects.toThrow('hbf-core is away');
      core.calls();
      await expect(plan(tenants(1_000))).rejects.toThrow('hbf-core is away');
      expect(core.calls()).toBeLessThanOrEqual(20);
      core.fails = () => false;
      expect(await plan(tenants(1))).toEqual([]);
    });
  });

  it('forgets tenants that are gone', async () => {
    await plan(tenants(3));
    core.calls();
    await plan(tenants(1), NOW + 1);
    await plan(tenants(3), NOW + 2);
    expect(core.queries.map(({ tenantId }) => tenantId)).toEqual(['t1', 't2']);
  });
});
