import type { ChatSession } from '../../src/platform/core/chat-session.dto.js';
import type { ActiveSessionsQuery, SessionPage } from '../../src/platform/core/core.client.js';
import type { Tenant } from '../../src/platform/core/tenant.dto.js';

export const NOW = Date.parse('2026-11-20T12:00:00Z');
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

export function session(id: string, tenantId: string, idleMs: number, liveChat?: string): ChatSession {
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
export class FakeCore {
  readonly queries: ActiveSessionsQuery[] = [];
  readonly rejected: SessionPage['rejected'] = [];
  tellsTotal = true;
  tellsTenant = true;
  /** Never more on a page, whatever was asked for. */
  pageLimit = Infinity;
  fails: (query: ActiveSessionsQuery) => boolean = () => false;

  private all: ChatSession[] = [];
  private byTenant = new Map<string | undefined, ChatSession[]>();
  /** What a list shows on all its pages: filtering very many for each would be most of a test's time. */
  private last?: { key: string; all: ChatSession[] };

  set sessions(sessions: ChatSession[]) {
    this.all = sessions;
    this.byTenant = new Map();
    this.last = undefined;
    for (const one of sessions) {
      const ofTenant = this.byTenant.get(one.tenantId);
      if (ofTenant) ofTenant.push(one);
      else this.byTenant.set(one.tenantId, [one]);
    }
  }

  listActiveSessions(query: ActiveSessionsQuery): Promise<SessionPage> {
    this.queries.push(query);
    if (this.fails(query)) return Promise.reject<SessionPage>(new Error('hbf-core is away'));
    const { tenantId, page, lastInteractionBefore } = query;
    const size = Math.min(query.pageSize, this.pageLimit);
    const all = this.listed(tenantId, lastInteractionBefore);
    const items = all.slice(page * size, (page + 1) * size);
    const told =
      query.includeTenant && this.tellsTenant ? items : items.map((one) => ({ ...one, tenantId: undefined }));
    const rejected = page === 0 ? this.rejected : [];
    const total = this.tellsTotal ? { total: all.length + this.rejected.length } : {};
    return Promise.resolve({ items: told, rejected, count: items.length + rejected.length, ...total });
  }

  private listed(tenantId: string | undefined, before: Date): ChatSession[] {
    const key = `${tenantId} ${before.getTime()}`;
    if (this.last?.key === key) return this.last.all;
    const ofTenant = tenantId === undefined ? this.all : (this.byTenant.get(tenantId) ?? []);
    const all = ofTenant.filter(({ lastInteraction }) => lastInteraction < before);
    this.last = { key, all };
    return all;
  }

  /** How many calls since the last time it was asked. */
  calls(): number {
    return this.queries.splice(0).length;
  }
}

export function tenants(count: number, expireAfterSeconds: number | undefined = 600): Tenant[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `t${n}`,
    organizationId: 'org',
    expireAfterSeconds,
    analyzesSessions: false,
    hasCrm: false,
    publicFields: {},
  }));
}
