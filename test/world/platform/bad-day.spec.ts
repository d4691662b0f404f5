import { CORE_TOKEN } from '../planted-secrets.js';
import { PlatformSimulator } from './platform-simulator.js';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');
const LISTS = 'GET /chat-sessions';

interface List {
  items: { id: string }[];
  page: number;
  total: unknown;
}

describe('hbf-core on a bad day', () => {
  let platform: PlatformSimulator;
  let ids: string[];

  beforeEach(async () => {
    platform = await PlatformSimulator.start();
    for (const id of ['t1', 't2']) platform.core.addTenant({ id, organizationId: `org-${id}` });
    ids = [1, 2, 3, 4].map(() => platform.core.addSession({ tenantId: 't1', lastInteraction: LONG_AGO }).id);
  });

  afterEach(() => platform.stop());

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(platform.core.server.url + path, {
      ...init,
      headers: { authorization: `Bearer ${CORE_TOKEN}`, ...(init.body ? { 'content-type': 'application/json' } : {}) },
    });

  async function list(page: number, pageSize = 2, tenantId = 't1') {
    const path = `/chat-sessions?status=ACTIVE&tenantId=${tenantId}&page=${page}&pageSize=${pageSize}`;
    const { items, total } = (await (await ask(path)).json()) as List;
    return { ids: items.map(({ id }) => id), total };
  }

  const complete = () => ask('/chat-sessions/batch/complete', { method: 'PATCH', body: JSON.stringify({ ids }) });

  it('misreads pages until it is healed', async () => {
    const heal = platform.core.badDay.ignorePageParameter();
    expect((await list(1)).ids).toEqual(ids.slice(0, 2));
    heal();
    expect((await list(1)).ids).toEqual(ids.slice(2));
    platform.core.badDay.repeatEachPage();
    expect([(await list(1)).ids, (await list(2)).ids]).toEqual([ids.slice(0, 2), ids.slice(2)]);
  });

  it('tells another total, and caps its pages', async () => {
    platform.core.badDay.tellTotal((real, onPage) => `${real}/${onPage}`);
    expect(await list(0)).toMatchObject({ total: '4/2' });
    platform.core.badDay.capPages(1);
    expect((await list(1)).ids).toEqual([ids[2]]);
  });

  it('shows sessions of others', async () => {
    const heal = platform.core.badDay.listAlsoFor('t2', ids[3]!);
    expect((await list(0, 2, 't2')).ids).toEqual([ids[3]]);
    heal();
    platform.core.badDay.ignoreTenantFilter();
    expect((await list(0, 9, 't2')).ids).toEqual(ids);
  });

  it('fails and is slow for single tenants and sessions', async () => {
    platform.core.badDay.failLists(['t2'], 503);
    platform.core.badDay.failReads(500, [ids[0]!]);
    const statuses = ['?tenantId=t1', '?tenantId=t2', ''].map(async (of) => (await ask(`/chat-sessions${of}`)).status);
    expect(await Promise.all(statuses)).toEqual([200, 503, 503]);
    const reads = ids.slice(0, 2).map(async (id) => (await ask(`/chat-sessions/${id}`)).status);
    expect(await Promise.all(reads)).toEqual([500, 200]);
  });

  it('completes and says that it did not', async () => {
    platform.core.badDay.completeAnswers({ status: 409, applied: true });
    expect((await complete()).status).toBe(409);
    expect(platform.core.activeCount).toBe(0);
  });

  it('completes, breaks the connection and refuses the repetition', async () => {
    platform.core.badDay.completeThenBreakAndRefuseAgain(409);
    await expect(complete()).rejects.toThrow();
    expect((await complete()).status).toBe(409);
    platform.core.reactivate(ids[0]!);
    expect(platform.core.activeCount).toBe(1);
  });

  it('tells another time', async () => {
    platform.core.badDay.tellTime({ aheadMs: -3_600_000, age: 9 });
    const { headers } = await ask('/tenants?page=0&pageSize=1');
    expect(Date.parse(headers.get('date')!)).toBeLessThan(Date.now() - 3_500_000);
    expect(headers.get('age')).toBe('9');
  });

  it('counts its calls by route, and its lists by tenant', async () => {
    await list(0);
    await list(1);
    await list(0, 2, 't2');
    await ask('/chat-sessions');
    const { journal } = platform.core.server;
    expect(journal.calls).toEqual({ [LISTS]: 4 });
    expect([...journal.listsByTenant]).toEqual([['t1', 2], ['t2', 1], ['', 1]]); // prettier-ignore
    platform.core.server.resetCounters();
    expect([journal.calls, journal.listsByTenant.size]).toEqual([{}, 0]);
  });
});
