import { DryRun } from '../../../src/sessions/dry-run.js';
import { Admin } from '../fixtures/admin.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const MODERATOR = 'token-moderator';
const OF_ALL = '/operations/dry-run';
const OWN_TENANTS = 'GET /organizations/{orgId}/tenants';
const LIST = 'GET /chat-sessions';
const LIVE_CHAT = { liveChats: [{ liveChatEventType: 'LIVECHAT_STARTED' }] };

interface Preview {
  tenants: number;
  paused: boolean;
  complete: { count: number; sessions: Record<string, unknown>[] };
  held: { count: number; sessions: Record<string, unknown>[] };
  malformed: number;
}

describe('a dry run', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('dry-run');
    round.core.addUser({ token: MODERATOR, isModerator: true });
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  async function preview(): Promise<Preview> {
    const headers = { authorization: `Bearer ${MODERATOR}` };
    const response = await fetch(`${round.service.url}${OF_ALL}`, { method: 'POST', headers });
    expect(response.status).toBe(200);
    return (await response.json()) as Preview;
  }

  /** The whole database, but what the retry worker and other jobs write by themselves. */
  async function database(): Promise<Record<string, unknown[]>> {
    const names = (await round.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
    const contents: Record<string, unknown[]> = {};
    for (const name of names.filter((known) => known !== 'destinations')) {
      const filter = name === 'leases' ? { _id: /^session-check/ } : {};
      contents[name] = await round.db.collection<{ _id: string }>(name).find(filter).sort({ _id: 1 }).toArray();
    }
    return contents;
  }

  it('lists what would be completed, what is held and why, oldest first', async () => {
    round.addTenant('t1');
    round.addTenant('t2', { expireAfterSeconds: undefined });
    const own = round.addSession('t1', 20);
    const byDefault = round.addSession('t2', 40);
    const tooLong = round.addSession('t1', 2_000, {
      fields: LIVE_CHAT,
    });
    const held = round.addSession('t1', 30, { fields: LIVE_CHAT });
    round.addSession('t1', 5);
    round.addSession('t1', 50, { fields: { lastInteraction: 'never' } });
    round.addSession('t1', 50, { fields: { lastInteraction: 0 } });
    const body = await preview();
    expect(body).toMatchObject({ tenants: 2, paused: false, malformed: 2 });
    expect(body.complete.count).toBe(3);
    expect(body.complete.sessions).toMatchObject([
      { sessionId: tooLong, tenantId: 't1', rule: 'live-chat-max-idle', thresholdSeconds: 600 },
      { sessionId: byDefault, tenantId: 't2', rule: 'default-threshold', thresholdSeconds: 1800 },
      { sessionId: own, tenantId: 't1', rule: 'tenant-threshold', thresholdSeconds: 600 },
    ]);
    // hbf-core tells its time in whole seconds
    expect(body.complete.sessions[2]!['idleSeconds']).toBeGreaterThanOrEqual(1_199);
    expect(body.held).toMatchObject({ count: 1, sessions: [{ sessionId: held, reason: 'live-chat-open' }] });
    expect(body.held.sessions[0]).not.toHaveProperty('rule');
    expect(body.held.sessions[0]).not.toHaveProperty('heldSince'); // no check has found it yet
    await round.check();
    expect((await preview()).held.sessions).toMatchObject([{ sessionId: held, heldSince: expect.any(String) }]);
  });

  it('counts a tenant whose sessions hbf-core does not list, and lists the others', async () => {
    for (const id of ['t1', 't2']) {
      round.addTenant(id);
      round.addSession(id, 50);
    }
    round.core.badDay.failLists(['t2'], 500);
    expect(await preview()).toMatchObject({ tenants: 2, tenantsFailed: 1, complete: { count: 1 } });
  });

  it('lists a session in quarantine as held', async () => {
    round.addTenant('t1');
    const refused = round.addSession('t1', 20);
    round.addSession('t1', 20); // hbf-core completes this one: so it is the other that it refuses
    round.core.poison(refused);
    await round.check();
    const body = await preview();
    expect(body.complete.count).toBe(0);
    expect(body.held.sessions).toMatchObject([
      { sessionId: refused, reason: 'quarantined', heldSince: expect.any(String) },
    ]);
  });

  it('lists a thousand sessions at most, and counts all', async () => {
    round.addTenant('t1');
    for (let n = 0; n < 1_010; n++) round.addSession('t1', 20 + n, { messages: [] });
    const body = await preview();
    expect(body.complete.count).toBe(1_010);
    expect(body.complete.sessions).toHaveLength(1_000);
  });

  it('changes nothing in the database or in hbf-core, and the next check does what it listed', async () => {
    round.addTenant('t1', { summarizes: true });
    const receiver = await round.addWebhook('t1');
    for (let n = 0; n < 5; n++) round.addSession('t1', 20 + n);
    round.addSession('t1', 5);
    await round.check();
    await round.allSettled();
    const later = [round.addSession('t1', 60), round.addSession('t1', 70)];
    const ledger = () => JSON.stringify([...round.core.completed]);
    const told = () => [receiver.received.length, round.platform.publisher.triggers.length, round.platform.nlp.analyses.length]; // prettier-ignore
    const before = { database: await database(), ledger: ledger(), told: told(), active: round.core.activeCount };
    round.core.server.resetCounters();

    const body = await preview();

    expect(body.complete.sessions.map(({ sessionId }) => sessionId)).toEqual([...later].reverse());
    expect(round.core.server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    const after = { database: await database(), ledger: ledger(), told: told(), active: round.core.activeCount };
    expect(after).toEqual(before);
    expect(await round.check()).toMatchObject({ found: 2, completed: 2 });
  });

  it('answers 503 while hbf-core is away', async () => {
    round.addTenant('t1');
    const admin = new Admin(round, 'org-t1');
    const headers = { authorization: `Bearer ${MODERATOR}` };
    const heal = round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 503 });
    expect((await fetch(`${round.service.url}${OF_ALL}`, { method: 'POST', headers })).status).toBe(503);
    heal();
    round.platform.fault({ service: 'hbf-core', route: OWN_TENANTS, kind: 'status', status: 503 });
    expect(await admin.call('POST', '/dry-run')).toMatchObject({
      status: 503,
      body: { message: expect.stringContaining('hbf-core') },
    });
    expect((await preview()).tenants).toBe(1);
  });

  describe('of one organization', () => {
    beforeEach(() => {
      for (const id of ['t1', 't2']) round.addTenant(id, { organizationId: 'org' });
      round.addTenant('foreign');
    });

    it("lists its own tenants' sessions alone, with the same members, and hbf-core is asked for those alone", async () => {
      const own = [round.addSession('t1', 30), round.addSession('t2', 20)];
      const foreign = round.addSession('foreign', 40);
      round.core.server.resetCounters();
      const admin = new Admin(round, 'org');
      const { status, body, text } = await admin.call<Preview>('POST', '/dry-run');
      expect([status, body.tenants, body.complete.count]).toEqual([200, 2, 2]);
      expect(body.complete.sessions.map(({ sessionId }) => sessionId)).toEqual(own);
      expect(text).not.toMatch(new RegExp(`foreign|${foreign}`));
      expect(round.core.server.count('GET /tenants')).toBe(0);
      const asked = round.core.server.requests.filter(({ route }) => route === LIST);
      expect(new Set(asked.map(({ query }) => new URLSearchParams(query).get('tenantId')))).toEqual(
        new Set(['t1', 't2']),
      );
      expect(Object.keys(body)).toEqual(Object.keys(await preview()));
    });

    it('goes by the thresholds that hbf-core tells now', async () => {
      round.addSession('t1', 5);
      const admin = new Admin(round, 'org');
      expect((await admin.call<Preview>('POST', '/dry-run')).body.complete.count).toBe(0);
      round.core.changeTenant('t1', { settings: { session: { expireInactiveSessionAfter: 60 } } });
      expect((await admin.call<Preview>('POST', '/dry-run')).body.complete.count).toBe(1);
    });

    it('is empty for an organization without tenants', async () => {
      const { status, body } = await new Admin(round, 'org-without').call<Preview>('POST', '/dry-run');
      expect([status, body.tenants, body.complete.count, body.held.count]).toEqual([200, 0, 0, 0]);
    });

    it('asks, beside another one and a check, for no more lists at a time than a check alone', async () => {
      for (let n = 0; n < 60; n++) round.addTenant(`many-${n}`, { organizationId: 'org' });
      const dryRun = round.service.get(DryRun);
      round.core.server.resetCounters();
      const [all, org, check] = await Promise.all([dryRun.run(), dryRun.run('org'), round.check()]);
      expect([all.tenants, org.tenants, check.tenantsScanned]).toEqual([63, 62, 63]);
      expect(round.core.server.peak(LIST)).toBeLessThanOrEqual(8 + 1); // the check's question for a tenant that is none
    });

    it('is joined while it runs; one of another scope is not', async () => {
      const dryRun = round.service.get(DryRun);
      round.core.server.resetCounters();
      const [all, again, org, orgAgain] = await Promise.all([
        dryRun.run(),
        dryRun.run(),
        dryRun.run('org'),
        dryRun.run('org'),
      ]);
      expect(again).toBe(all);
      expect(orgAgain).toBe(org);
      expect([all.tenants, org.tenants]).toEqual([3, 2]);
      expect(round.core.server.count(LIST)).toBe(3 + 2);
      expect(await dryRun.run('org')).not.toBe(org);
    });
  });
});
