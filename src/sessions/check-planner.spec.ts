import { Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { ActiveSessionsQuery, CoreClient, SessionPage } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { noFigures } from './check-figures.js';
import { CheckPlanner } from './check-planner.js';
import { SetAside } from './set-aside.js';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function session(id: string, tenantId: string, idleMs: number, liveChat?: string): ChatSession {
  return {
    id,
    status: 'ACTIVE',
    lastInteraction: new Date(NOW - idleMs),
    tenantId,
    containsUserInteraction: true,
    subscriberHandle: undefined,
    liveChats: liveChat ? [{ liveChatEventType: liveChat }] : [],
    raw: {},
  };
}

/** hbf-core's list of ACTIVE sessions, with a journal of what it was asked. */
class FakeCore {
  readonly queries: ActiveSessionsQuery[] = [];
  readonly rejected: SessionPage['rejected'] = [];
  tellsTotal = true;
  tellsTenant = true;
  /** Never more on a page, whatever was asked for. */
  pageLimit = Infinity;

  private all: ChatSession[] = [];
  private byTenant = new Map<string | undefined, ChatSession[]>();

  set sessions(sessions: ChatSession[]) {
    this.all = sessions;
    this.byTenant = new Map();
    for (const one of sessions) this.byTenant.set(one.tenantId, [...(this.byTenant.get(one.tenantId) ?? []), one]);
  }

  listActiveSessions(query: ActiveSessionsQuery): Promise<SessionPage> {
    this.queries.push(query);
    const { tenantId, page } = query;
    const size = Math.min(query.pageSize, this.pageLimit);
    const all = tenantId === undefined ? this.all : (this.byTenant.get(tenantId) ?? []);
    const items = all.slice(page * size, (page + 1) * size);
    const told =
      query.includeTenant && this.tellsTenant ? items : items.map((one) => ({ ...one, tenantId: undefined }));
    const rejected = page === 0 ? this.rejected : [];
    const total = this.tellsTotal ? { total: all.length + this.rejected.length } : {};
    return Promise.resolve({ items: told, rejected, count: items.length + rejected.length, ...total });
  }

  /** How many calls since the last time it was asked. */
  calls(): number {
    return this.queries.splice(0).length;
  }
}

function tenants(count: number, expireAfterSeconds: number | undefined = 600): Tenant[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `t${n}`,
    organizationId: 'org',
    expireAfterSeconds,
    analyzesSessions: false,
    hasCrm: false,
    publicFields: {},
  }));
}

describe('CheckPlanner', () => {
  let core: FakeCore;
  let setAside: SetAside;
  let planner: CheckPlanner;
  let figures: ReturnType<typeof noFigures>;

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(() => {
    const urls = { CORE_URL: 'http://c', EVENT_PUBLISHER_URL: 'http://e', NLP_URL: 'http://n' };
    core = new FakeCore();
    setAside = new SetAside();
    figures = noFigures();
    planner = new CheckPlanner(
      Config.fromEnvironment({ ...urls, CORE_TOKEN: 't' }),
      core as unknown as CoreClient,
      setAside,
    );
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

  it('forgets tenants that are gone', async () => {
    await plan(tenants(3));
    core.calls();
    await plan(tenants(1), NOW + 1);
    await plan(tenants(3), NOW + 2);
    expect(core.queries.map(({ tenantId }) => tenantId)).toEqual(['t1', 't2']);
  });
});
