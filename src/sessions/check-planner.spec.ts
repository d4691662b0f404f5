import { Logger } from '@nestjs/common';
import { testConfig } from '../../test/world/service/service-environment.js';
import { stubOf } from '../../test/support/stub.js';
import { FakeCore, HOUR_MS, MINUTE_MS, NOW, session, tenants } from '../../test/support/session-list-fake.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { noFigures } from './check-figures.js';
import { CheckPlanner } from './check-planner.js';
import { Quarantine } from './quarantine.js';

describe('CheckPlanner', () => {
  let core: FakeCore;
  let quarantine: Quarantine;
  let planner: CheckPlanner;
  let figures: ReturnType<typeof noFigures>;

  beforeAll(() => {
    Logger.overrideLogger(false);
  });

  beforeEach(() => {
    core = new FakeCore();
    quarantine = new Quarantine();
    figures = noFigures();
    const client = stubOf(CoreClient, { listActiveSessions: (query) => core.listActiveSessions(query) });
    planner = new CheckPlanner(testConfig(), client, quarantine);
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

  it('has a tenant scanned whose sessions do not fit one page, not counting those in quarantine', async () => {
    const many = Array.from({ length: 101 }, (_, n) => session(`s${n}`, 't0', MINUTE_MS));
    core.sessions = [...many, session('poison', 't1', 11 * MINUTE_MS)];
    quarantine.add('poison', 't1', 'refused');
    expect(await plan(tenants(2))).toEqual(['t0']);
  });

  it('quarantines sessions that it cannot read', async () => {
    core.rejected.push({ id: 'broken', problem: 'session.lastInteraction must be a date-time' });
    expect(await plan(tenants(1))).toEqual([]);
    expect(quarantine.has('broken')).toBe(true);
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

    /** So many of a tenant whose sessions may be old. */
    const oldOnes = (count: number) => Array.from({ length: count }, (_, n) => session(`old${n}`, 'slow', HOUR_MS));

    const named = (ids: string[], expireAfterSeconds: number): Tenant[] =>
      ids.map((id) => ({ ...tenants(1, expireAfterSeconds)[0]!, id }));

    beforeEach(() => sessions());

    it('finds nothing to do with one call a check, however many sessions are active', async () => {
      const all = tenants(MANY);
      for (const [check, at] of [NOW, NOW + 5_000, NOW + 10_000].entries()) {
        expect([check, await plan(all, at)]).toEqual([check, []]);
        expect(core.queries).toEqual([expect.objectContaining({ page: 0, includeMessages: false })]);
        expect(core.queries.splice(0)[0]!.lastInteractionBefore).toEqual(new Date(at - 10 * MINUTE_MS));
      }
    });

    it('finds what ends meanwhile', async () => {
      const all = tenants(MANY);
      await plan(all);
      // 300 s after it, the oldest ones, of the tenants t99, t199, ..., have been idle for 599 s
      expect(await plan(all, NOW + 301_000)).toEqual([]);
      const ended = all.filter((_, n) => n % 100 === 99).map(({ id }) => id);
      expect(await plan(all, NOW + 301_001)).toEqual(ended);
    });

    it('probes the few tenants whose sessions end much sooner, and lists for the others', async () => {
      const short = Array.from({ length: 19 }, (_, n) => `st${n}`);
      const all = [...named(short, 60), ...tenants(MANY)];
      const soon = session('soon', 'st7', 2 * MINUTE_MS);
      sessions({ 1_234: session('ended', 't77', 11 * MINUTE_MS), 9: soon });
      expect(await plan(all)).toEqual(['t77', 'st7']);
      expect(core.calls()).toBe(1 + 19);
      // what was found is looked at anew; the others' outlooks hold
      expect(await plan(all, NOW + 5_000)).toEqual(['t77', 'st7']);
      expect(core.calls()).toBe(1 + 1);
    });

    it('leaves a tenant that cannot be probed to the scan, when the others could be listed', async () => {
      const all = [...named(['short'], 60), ...tenants(MANY)];
      core.fails = ({ tenantId }) => tenantId === 'short';
      expect(await plan(all)).toEqual(['short']);
    });

    it('lists all, and then relies on it, where very many old sessions have not ended', async () => {
      const all = [...tenants(MANY), ...named(['slow'], 90_000)];
      core.sessions = [...idle, ...oldOnes(10_001)];
      expect(await plan(all)).toEqual([]);
      expect(core.calls()).toBe(1 + 105); // the first page told that there are six
      expect(await plan(all, NOW + 5_000)).toEqual([]);
      expect(core.calls()).toBe(0);
    });

    it('relies on a longer outlook of a tenant, though a listing shows none of its sessions', async () => {
      const slow = named(['slow'], 900);
      await plan(slow); // none: no session of it can end within 900 s
      core.calls();
      const all = [...tenants(MANY), ...slow];
      await plan(all, NOW + 1);
      core.calls();
      const ofSlow = async (at: number) => {
        await plan(slow, at);
        return core.calls();
      };
      expect(await ofSlow(NOW + 15 * MINUTE_MS)).toBe(0);
      expect(await ofSlow(NOW + 15 * MINUTE_MS + 1)).toBe(1);
    });

    it('finds a session that an outlook had missed, and relies on that one no longer', async () => {
      const slow = named(['slow'], 900);
      await plan(slow);
      sessions({ 1_234: session('missed', 'slow', 16 * MINUTE_MS) });
      expect(await plan([...tenants(MANY), ...slow], NOW + 1)).toEqual(['slow']);
      core.calls();
      core.sessions = [];
      expect(await plan(slow, NOW + 2)).toEqual([]);
      expect(core.calls()).toBe(1);
    });

    it('finds the few tenants with sessions that ended', async () => {
      const held = session('held', 't78', 11 * MINUTE_MS, 'LIVECHAT_REQUESTED');
      sessions({ 1_234: session('ended', 't77', 11 * MINUTE_MS), 199_999: held });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(figures.held).toBe(1);
    });

    it('lists to the end where hbf-core does not tell how many there are', async () => {
      core.tellsTotal = false;
      core.sessions = [...oldOnes(4_000), session('ended', 't77', 11 * MINUTE_MS)];
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.calls()).toBe(3);
    });

    it('lists to the end where hbf-core gives fewer a page than it was asked for', async () => {
      core.pageLimit = 1_000;
      core.sessions = [...oldOnes(4_000), session('ended', 't77', 11 * MINUTE_MS)];
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.queries.every(({ tenantId }) => tenantId === undefined)).toBe(true);
    });

    it('probes each tenant where the listing does not tell whose the sessions are', async () => {
      core.tellsTenant = false;
      core.sessions = [session('ended', 't77', 11 * MINUTE_MS), session('active', 't78', MINUTE_MS)];
      expect(await plan(tenants(200))).toEqual(['t77']);
      expect(core.calls()).toBe(2 + 200); // neither of the old ones alone, nor of all
    });

    it('probes where that is cheaper than a listing', async () => {
      const few = tenants(50);
      core.sessions = oldOnes(200_000);
      expect(await plan(few)).toEqual([]);
      expect(core.calls()).toBe(2 + few.length); // the first pages told that there are a hundred
    });

    it('quarantines sessions that it cannot read in the listing', async () => {
      core.rejected.push({ id: 'broken', problem: 'session.lastInteraction must be a date-time' });
      await plan(tenants(MANY));
      expect(quarantine.has('broken')).toBe(true);
      expect(figures.malformed).toBe(1);
    });

    it('quarantines a session without a tenant, and no other', async () => {
      const lost = { ...session('lost', '', 11 * MINUTE_MS), tenantId: undefined };
      sessions({ 5: lost, 1_234: session('ended', 't77', 11 * MINUTE_MS) });
      expect(await plan(tenants(MANY))).toEqual(['t77']);
      expect(core.calls()).toBe(1);
      expect(quarantine.has('lost')).toBe(true);
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
