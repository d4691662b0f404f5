import { OnDemandService } from '../../src/operations/on-demand.service.js';
import { Round } from './round.fixture.js';

jest.setTimeout(30_000);

const MODERATOR = 'token-moderator';
const ADMIN = 'token-admin';
const CHECKS = '/operations/session-checks';

interface Preview {
  tenants: number;
  paused: boolean;
  complete: { count: number; sessions: Record<string, unknown>[] };
  held: { count: number; sessions: Record<string, unknown>[] };
  malformed: number;
}

interface Check {
  startedAt: string;
  trigger: string;
  outcome: string;
  reason?: string;
  figures?: Record<string, unknown>;
}

let round: Round;

async function start(env: Record<string, string> = {}): Promise<void> {
  round = await Round.start('operations-on-demand', env);
  round.core.addUser({ token: MODERATOR, isModerator: true });
  round.core.addUser({ token: ADMIN, organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
}

async function call<T>(method: string, path: string, token: string | null = MODERATOR) {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${round.service.url}${path}`, { method, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

/** All that the service remembers, but what the lanes and the other jobs keep in order by themselves. */
async function database(): Promise<Record<string, unknown[]>> {
  const names = (await round.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
  const contents: Record<string, unknown[]> = {};
  for (const name of names.filter((known) => known !== 'destinations')) {
    const filter = name === 'leases' ? { _id: /^session-check/ as never } : {};
    contents[name] = await round.db.collection(name).find(filter).sort({ _id: 1 }).toArray();
  }
  return contents;
}

describe('on demand', () => {
  beforeEach(() => start());

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  describe('is for moderators only', () => {
    it.each([
      ['POST', CHECKS],
      ['POST', `${CHECKS}?dryRun=true`],
      ['GET', CHECKS],
      ['POST', '/operations/pipeline-checks'],
    ])('%s %s', async (method, path) => {
      round.core.addUser({ token: 'nearly', isModerator: 'true' as unknown as boolean });
      const tokens = [null, 'token-of-nobody', ADMIN, 'nearly', MODERATOR];
      const statuses = [];
      for (const token of tokens) statuses.push((await call(method, path, token)).status);
      expect(statuses).toEqual([401, 401, 403, 403, 200]);
      round.platform.fault({ service: 'hbf-core', route: 'GET /users/me', kind: 'status', status: 500 });
      round.core.addUser({ token: 'another', isModerator: true });
      expect((await call(method, path, 'another')).status).toBe(503);
    });

    it('says which scheme it wants', async () => {
      expect((await call('GET', CHECKS, null)).headers.get('www-authenticate')).toBe('Bearer');
    });
  });

  it('is documented', async () => {
    const { body } = await call<{ paths: Record<string, Record<string, { responses: object }>> }>('GET', '/api-json');
    const responses = (path: string, method: string) => Object.keys(body.paths[path]![method]!.responses);
    const refusals = ['400', '401', '403', '429', '500', '503'];
    expect(responses(CHECKS, 'post').sort()).toEqual(['200', '202', ...refusals]);
    expect(responses(CHECKS, 'get').sort()).toEqual(['200', ...refusals]);
    expect(responses('/operations/pipeline-checks', 'post').sort()).toEqual(['200', '202', ...refusals]);
  });

  describe('POST /operations/session-checks', () => {
    it('runs a check and tells its figures', async () => {
      round.addTenant('t1');
      const sessionId = round.addSession('t1', 20);
      const { status, body } = await call('POST', CHECKS);
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { status: 'finished', figures: { tenants: 1, found: 1, completed: 1, deferred: 0, paused: false } },
      });
      expect(round.core.session(sessionId).status).toBe('COMPLETED');
    });

    it('joins the one that is running', async () => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      const service = round.service.get(OnDemandService);
      const runs = await Promise.all([service.runSessionCheck(), service.runSessionCheck(), round.check()]);
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[0].figures).toEqual(runs[2]);
      expect(round.core.server.count('GET /tenants')).toBe(1);
      expect(await round.db.collection('session-checks').countDocuments()).toBe(1);
    });

    it('goes on when it takes long, and says so', async () => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      round.service.get(OnDemandService).patienceMs = 0;
      expect(await call('POST', CHECKS)).toMatchObject({ status: 202, body: { status: 'running' } });
      expect(await round.check()).toMatchObject({ tenants: 1 });
      await round.allPaid();
    });

    it('answers 503 while hbf-core is away, and remembers why', async () => {
      round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 503 });
      expect((await call('POST', CHECKS)).status).toBe(503);
      expect((await call('POST', `${CHECKS}?dryRun=true`)).status).toBe(503);
      const { body } = await call<Check[]>('GET', CHECKS);
      expect(body).toEqual([
        expect.objectContaining({ outcome: 'failed', reason: expect.stringContaining('http_503') }),
      ]);
    });

    it('takes nothing but true and false for dryRun', async () => {
      expect((await call('POST', `${CHECKS}?dryRun=maybe`)).status).toBe(400);
      expect((await call('POST', `${CHECKS}?dry=true`)).status).toBe(400);
      expect(round.core.server.count('GET /tenants')).toBe(0);
    });
  });

  describe('a dry run', () => {
    it('lists what would be completed, what is held and why, oldest first', async () => {
      round.addTenant('t1');
      round.addTenant('t2', { expireAfterSeconds: undefined });
      const own = round.addSession('t1', 20);
      const byDefault = round.addSession('t2', 40);
      const tooLong = round.addSession('t1', 2_000, {
        liveChats: [{ liveChatEventType: 'LIVECHAT_STARTED' }] as never,
      });
      const held = round.addSession('t1', 30, { liveChats: [{ liveChatEventType: 'LIVECHAT_STARTED' }] as never });
      round.addSession('t1', 5);
      round.addSession('t1', 50, { fields: { lastInteraction: 'never' } });
      const { status, body } = await call<Preview>('POST', `${CHECKS}?dryRun=true`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ tenants: 2, paused: false, malformed: 1 });
      expect(body.complete.count).toBe(3);
      expect(body.complete.sessions).toMatchObject([
        { sessionId: tooLong, tenantId: 't1', rule: 'live-chat-max-idle', thresholdSeconds: 600 },
        { sessionId: byDefault, tenantId: 't2', rule: 'default-threshold', thresholdSeconds: 1800 },
        { sessionId: own, tenantId: 't1', rule: 'tenant-threshold', thresholdSeconds: 600 },
      ]);
      expect(body.complete.sessions[2]!['idleSeconds']).toBeGreaterThanOrEqual(1_200);
      expect(body.held).toMatchObject({ count: 1, sessions: [{ sessionId: held, reason: 'live-chat-open' }] });
      expect(body.held.sessions[0]).not.toHaveProperty('rule');
    });

    it('holds what hbf-core refused a while ago', async () => {
      round.addTenant('t1');
      const refused = round.addSession('t1', 20);
      round.core.poison(refused);
      await round.check();
      const { body } = await call<Preview>('POST', `${CHECKS}?dryRun=true`);
      expect(body.complete.count).toBe(0);
      expect(body.held.sessions).toMatchObject([{ sessionId: refused, reason: 'set-aside' }]);
    });

    it('lists a thousand, and counts all', async () => {
      round.addTenant('t1');
      for (let n = 0; n < 1_010; n++) round.addSession('t1', 20 + n, { messages: [] });
      const { body } = await call<Preview>('POST', `${CHECKS}?dryRun=true`);
      expect(body.complete.count).toBe(1_010);
      expect(body.complete.sessions).toHaveLength(1_000);
    });

    it('changes nothing, here or in hbf-core, and the check after it does what it said', async () => {
      round.addTenant('t1', { summarizes: true });
      const receiver = await round.addWebhook('t1');
      for (let n = 0; n < 5; n++) round.addSession('t1', 20 + n);
      round.addSession('t1', 5);
      await round.check();
      await round.allPaid();
      const later = [round.addSession('t1', 60), round.addSession('t1', 70)];
      const ledger = () => JSON.stringify([...round.core.ledger]);
      const told = () => [receiver.received.length, round.platform.publisher.triggers.length, round.platform.nlp.analyses.length]; // prettier-ignore
      const before = { database: await database(), ledger: ledger(), told: told(), active: round.core.activeCount };
      round.core.server.resetCounters();

      const { body } = await call<Preview>('POST', `${CHECKS}?dryRun=true`);

      expect(body.complete.sessions.map(({ sessionId }) => sessionId)).toEqual([...later].reverse());
      expect(round.core.server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
      const after = { database: await database(), ledger: ledger(), told: told(), active: round.core.activeCount };
      expect(after).toEqual(before);
      expect(await round.check()).toMatchObject({ found: 2, completed: 2 });
    });
  });

  describe('GET /operations/session-checks', () => {
    it('tells of every check, the newest first', async () => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      await call('POST', CHECKS);
      await call('POST', CHECKS);
      const { body } = await call<Check[]>('GET', CHECKS);
      expect(body.map(({ trigger, outcome, figures }) => [trigger, outcome, figures!['completed']])).toEqual([
        ['on-demand', 'finished', 0],
        ['on-demand', 'finished', 1],
      ]);
      expect(Object.keys(body[0]!).sort()).toEqual(['durationMs', 'figures', 'outcome', 'startedAt', 'trigger']);
    });

    it('keeps the last hundred', async () => {
      for (let n = 0; n < 125; n++) {
        if (n === 120) round.addTenant('t1');
        await round.check();
      }
      const { body } = await call<Check[]>('GET', CHECKS);
      expect(body).toHaveLength(100);
      expect(body.filter(({ figures }) => figures!['tenants'] === 1)).toHaveLength(5);
      const times = body.map(({ startedAt }) => startedAt);
      expect(times).toEqual([...times].sort().reverse());
      expect(await round.db.collection('session-checks').countDocuments()).toBeLessThanOrEqual(120);
    });
  });

  describe('POST /operations/pipeline-checks', () => {
    it('runs a check and tells its figures', async () => {
      expect(await call('POST', '/operations/pipeline-checks')).toMatchObject({
        status: 200,
        body: { status: 'finished', figures: { outdated: 0, outcomes: {} } },
      });
      expect(round.core.server.count('GET /nlp-pipelines')).toBe(1);
    });

    it('answers 503 while hbf-core is away', async () => {
      round.platform.fault({ service: 'hbf-core', route: 'GET /nlp-pipelines', kind: 'status', status: 503 });
      expect((await call('POST', '/operations/pipeline-checks')).status).toBe(503);
    });
  });
});

describe('on demand, too often', () => {
  it('is answered 429', async () => {
    await start({ API_RATE_LIMIT_PER_MIN: '3' });
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push((await call('GET', CHECKS)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    await round.stop();
  });
});
