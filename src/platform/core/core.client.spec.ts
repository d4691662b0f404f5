import { Test, type TestingModule } from '@nestjs/testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Config } from '../../config/config.js';
import { ConfigModule } from '../../config/config.module.js';
import { RetryTimer } from '../../transport/backoff.js';
import { PlatformModule } from '../platform.module.js';
import { CoreClient } from './core.client.js';

const SESSION = { id: 's1', status: 'active', lastInteraction: '2026-01-01T00:00:00Z', unknown: { kept: true } };
const TENANT = { id: 't1', organizationId: 'o1', displayName: 'Shop' };

class NoPause extends RetryTimer {
  override wait = () => Promise.resolve(true);
}

describe('CoreClient', () => {
  let server: Server;
  let platform: TestingModule;
  let core: CoreClient;
  /** What the server says next; the last one again and again. */
  let answers: { status?: number; body?: unknown }[];
  let seen: { method?: string; url?: string; token?: string; body: string }[];

  beforeEach(async () => {
    [answers, seen] = [[], []];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ method: request.method, url: request.url, token: request.headers.authorization, body });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        response.writeHead(answer?.status ?? 200).end(answer?.body === undefined ? '' : JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const urls = { CORE_URL: url, EVENT_PUBLISHER_URL: url, NLP_URL: url };
    const config = Config.fromEnvironment({ ...urls, CORE_TOKEN: 'core-token' });
    platform = await Test.createTestingModule({ imports: [ConfigModule.for(config), PlatformModule] })
      .overrideProvider(RetryTimer)
      .useValue(new NoPause())
      .compile();
    core = platform.get(CoreClient);
  });

  afterEach(async () => {
    await platform.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  describe('listTenants', () => {
    it('asks for the page with everything that decides on sessions', async () => {
      answers = [{ body: { items: [TENANT], total: 41 } }];
      const page = await core.listTenants(2, 20);
      const flags = 'includeSettings=true&includeSystemSettings=true&includePlugins=true';
      expect(seen[0]!.url).toBe(`/tenants?page=2&pageSize=20&${flags}`);
      expect(page).toMatchObject({ items: [{ id: 't1', organizationId: 'o1' }], rejected: [], count: 1, total: 41 });
    });

    it('sets a tenant without an organization aside', async () => {
      answers = [{ body: { items: [TENANT, { id: 't2', organizationId: 5 }] } }];
      const page = await core.listTenants(0, 20);
      expect(page.items.map((tenant) => tenant.id)).toEqual(['t1']);
      expect(page.count).toBe(2);
      expect(page.rejected).toEqual([{ id: 't2', problem: 'tenant.organizationId must be a non-empty string' }]);
    });

    it.each([
      [{ plugins: 'no' }, { plugins: 'tenant.plugins must be an array' }],
      [{ plugins: [null] }, { plugins: 'tenant.plugins[0] must be an object' }],
      [{ settings: 'x' }, { settings: 'tenant.settings must be an object' }],
    ])('reads of a tenant with %j what can be read', async (broken, unreadable) => {
      answers = [{ body: [{ ...TENANT, ...broken }] }];
      const { items } = await core.listTenants(0, 20);
      expect(items).toMatchObject([{ id: 't1', unreadable, analyzesSessions: false }]);
    });
  });

  describe('listActiveSessions', () => {
    const query = {
      tenantId: 't1',
      lastInteractionBefore: new Date('2026-01-01T10:00:00Z'),
      page: 0,
      pageSize: 50,
      includeMessages: true,
    };

    it('asks for ACTIVE sessions before the cutoff, with their live chats', async () => {
      answers = [{ body: [] }];
      await core.listActiveSessions(query);
      expect(Object.fromEntries(new URL(seen[0]!.url!, 'http://x').searchParams)).toEqual({
        status: 'ACTIVE',
        includeLiveChats: 'true',
        lastInteractionLessThan: '2026-01-01T10:00:00.000Z',
        tenantId: 't1',
        page: '0',
        pageSize: '50',
        includeMessages: 'true',
      });
    });

    it('asks once: the session check has other tenants to ask, and comes back', async () => {
      answers = [{ status: 503 }, { body: [] }];
      await expect(core.listActiveSessions(query)).rejects.toMatchObject({ code: 'http_503' });
      expect(seen).toHaveLength(1);
    });

    it.each([[[SESSION]], [{ items: [SESSION] }]])('reads both forms of a list: %j', async (body) => {
      answers = [{ body }];
      const page = await core.listActiveSessions(query);
      expect(page).toMatchObject({ count: 1, rejected: [], items: [{ id: 's1', status: 'ACTIVE', raw: SESSION }] });
    });

    it.each([[SESSION], [{ items: null }], [null], ['none']])('throws on %j', async (body) => {
      answers = [{ body }];
      await expect(core.listActiveSessions(query)).rejects.toMatchObject({ kind: 'shape' });
      expect(seen).toHaveLength(1);
    });

    it('sets malformed sessions aside', async () => {
      const odd = [null, { id: '' }, { ...SESSION, id: 's2', lastInteraction: 'x' }, { ...SESSION, liveChats: [null] }];
      answers = [{ body: { items: [...odd, SESSION] } }];
      const page = await core.listActiveSessions(query);
      expect(page.items.map((session) => session.id)).toEqual(['s1']);
      expect(page.count).toBe(5);
      expect(page.rejected).toEqual([
        { problem: 'session must be an object' },
        { id: '', problem: 'session.id must be a non-empty string' },
        { id: 's2', problem: 'session.lastInteraction must be a date-time' },
        { id: 's1', problem: 'session.liveChats[0] must be an object' },
      ]);
    });
  });

  describe('completeSessions', () => {
    it('names the sessions, and says it again when hbf-core stumbles', async () => {
      answers = [{ status: 502 }, { status: 204 }];
      await core.completeSessions(['s1', 's2']);
      const call = { method: 'PATCH', url: '/chat-sessions/batch/complete', body: '{"ids":["s1","s2"]}' };
      expect(seen).toEqual([expect.objectContaining(call), expect.objectContaining(call)]);
    });

    it('asks nothing for an empty list of sessions', async () => {
      await core.completeSessions([]);
      expect(seen).toEqual([]);
    });

    it('rejects with the refusal', async () => {
      answers = [{ status: 400 }];
      await expect(core.completeSessions(['s1'])).rejects.toMatchObject({ kind: 'refused', status: 400 });
    });
  });

  describe('getSession', () => {
    it('asks with the flags', async () => {
      answers = [{ body: { ...SESSION, id: 'a/b' } }];
      expect(await core.getSession('a/b', { includeMessages: false, tenantId: 't1' })).toMatchObject({ id: 'a/b' });
      expect(seen[0]!.url).toBe('/chat-sessions/a%2Fb?includeMessages=false&includeTenant=true&includeLiveChats=true');
    });

    it.each([{ tenantId: 't2' }, { tenant: { id: 't2' } }])('refuses a session of another tenant: %j', async (told) => {
      answers = [{ body: { ...SESSION, ...told } }];
      const read = core.getSession('s1', { includeMessages: true, tenantId: 't1' });
      await expect(read).rejects.toMatchObject({ kind: 'shape', code: 'foreign_session' });
    });

    it('refuses a session that was not asked for, whose tenant nobody knows', async () => {
      answers = [{ body: { ...SESSION, id: 's2' } }];
      const read = core.getSession('s1', { includeMessages: true, tenantId: 't1' });
      await expect(read).rejects.toMatchObject({ kind: 'shape', code: 'other_session' });
    });

    it('knows a session that is gone from one that cannot be read', async () => {
      const again = () => core.getSession('s1', { includeMessages: true, tenantId: 't1' });
      answers = [{ status: 404 }, { status: 410 }, { status: 401 }, { body: [] }];
      for (let n = 0; n < 2; n++) expect(await again()).toBeUndefined();
      expect(await core.getSession('..', { includeMessages: true, tenantId: 't1' })).toBeUndefined();
      await expect(again()).rejects.toMatchObject({ kind: 'unauthorized' });
      await expect(again()).rejects.toMatchObject({ kind: 'shape' });
    });

    it("gives any tenant's session where none is named, and tries once where that is asked for", async () => {
      answers = [{ body: { ...SESSION, tenantId: 't2' } }, { status: 503 }, { body: SESSION }];
      const any = { includeMessages: false, tenantId: undefined, repeatable: false };
      expect(await core.getSession('s1', any)).toMatchObject({ tenantId: 't2' });
      await expect(core.getSession('s1', any)).rejects.toMatchObject({ status: 503 });
    });
  });

  const survey = (n: number, session = 's1') => ({ id: `v${n}`, session });

  describe('listSurveys', () => {
    const listSurveys = () => core.listSurveys({ organizationId: 'o1', tenantId: 't1', sessionId: 's1' });

    it('reads all pages and keeps the surveys of the session', async () => {
      const first = Array.from({ length: 100 }, (_, n) => survey(n, n % 2 ? 's1' : 'another'));
      answers = [{ body: { items: first, total: 101 } }, { body: { items: [survey(100)], total: 101 } }];
      const { surveys, leftOut } = await listSurveys();
      expect(surveys).toHaveLength(51);
      expect(leftOut).toEqual({ otherSession: 50, unclear: 0 });
      expect(seen.map((one) => one.url)).toEqual([
        '/organizations/o1/surveys?sessionId=s1&page=0&pageSize=100',
        '/organizations/o1/surveys?sessionId=s1&page=1&pageSize=100',
      ]);
    });

    it('ends without a total at the first page that is not full', async () => {
      answers = [{ body: { items: [survey(1), survey(2)] } }];
      expect((await listSurveys()).surveys).toHaveLength(2);
      expect(seen).toHaveLength(1);
    });

    it('ends at an empty page, whatever the total promises', async () => {
      answers = [{ body: { items: [survey(1)], total: 9 } }, { body: { items: [], total: 9 } }];
      expect((await listSurveys()).surveys).toHaveLength(1);
    });

    it('gives up on a list that never ends', async () => {
      answers = [{ body: { items: [survey(1)], total: 1e9 } }];
      await expect(listSurveys()).rejects.toMatchObject({ kind: 'shape', code: 'endless_list' });
    });

    it('minds the shape of its own surveys only', async () => {
      answers = [{ body: { items: [null, { session: 'another' }, survey(1)] } }, { body: [{ session: 's1' }] }];
      expect((await listSurveys()).surveys).toMatchObject([{ id: 'v1', sessionId: 's1' }]);
      await expect(listSurveys()).rejects.toMatchObject({ kind: 'shape' });
    });
  });

  describe('hasSurveys', () => {
    it('asks for one survey of any session', async () => {
      answers = [{ body: { items: [], total: 0 } }];
      expect(await core.hasSurveys('o1')).toBe(false);
      expect(seen.map((one) => one.url)).toEqual(['/organizations/o1/surveys?page=0&pageSize=1']);
    });

    it.each([{ items: [survey(1)], total: 9 }, { items: [], total: 9 }, { items: [null] }, [survey(1)]])(
      'takes %j for some',
      async (body) => {
        answers = [{ body }];
        expect(await core.hasSurveys('o1')).toBe(true);
      },
    );

    it.each([{ items: [] }, []])('takes %j for none', async (body) => {
      answers = [{ body }];
      expect(await core.hasSurveys('o1')).toBe(false);
    });

    it('takes nothing else for none', async () => {
      answers = [{ body: {} }];
      await expect(core.hasSurveys('o1')).rejects.toMatchObject({ kind: 'shape' });
    });
  });

  describe('getContact', () => {
    it('encodes the handle and gives what the CRM knows', async () => {
      answers = [{ body: { phone: '1' } }];
      expect(await core.getContact('o1', 't1', '+30 69/1?')).toEqual([{ phone: '1' }]);
      expect(seen[0]!.url).toBe('/organizations/o1/tenants/t1/contact-by-subscriber-handle/%2B30%2069%2F1%3F');
    });

    it.each([{ status: 404 }, { status: 500 }, { status: 401 }, { body: [{}] }, { body: null }, { status: 204 }])(
      'takes %j for "no contact", and asks once',
      async (answer) => {
        answers = [answer];
        expect(await core.getContact('o1', 't1', 'h')).toEqual([]);
        expect(seen).toHaveLength(1);
      },
    );

    it('asks nothing without a handle', async () => {
      expect(await core.getContact('o1', 't1', '')).toEqual([]);
      expect(seen).toEqual([]);
    });
  });

  describe('listTenantIds', () => {
    it("lists an organization's tenants by page, and leaves out what is another's or names no owner", async () => {
      const rows = [TENANT, { ...TENANT, id: 't2', organizationId: 'o2' }, { id: 't3' }];
      answers = [{ body: { items: rows } }];
      expect(await core.listTenantIds('o1', 0, 500)).toMatchObject({ items: ['t1'], count: 3 });
      expect(seen.map((one) => one.url)).toEqual(['/organizations/o1/tenants?page=0&pageSize=500']);
    });

    it('never guesses: neither from an unknown shape nor from a refusal', async () => {
      answers = [{ body: { t1: TENANT } }, { status: 403 }, { status: 404 }];
      await expect(core.listTenantIds('o1', 0, 500)).rejects.toMatchObject({ kind: 'shape' });
      await expect(core.listTenantIds('o1', 0, 500)).rejects.toMatchObject({ kind: 'unauthorized' });
      await expect(core.listTenantIds('o1', 0, 500)).rejects.toMatchObject({ kind: 'not-found' });
    });
  });

  describe('listTenantsOf', () => {
    it("lists an organization's tenants with settings and plugins, and leaves out what is another's", async () => {
      answers = [{ body: { items: [TENANT, { ...TENANT, id: 't2', organizationId: 'o2' }, { id: 't3' }] } }];
      const page = await core.listTenantsOf('o1', 0, 5);
      expect(page).toMatchObject({ items: [{ id: 't1', organizationId: 'o1' }], count: 3, rejected: [{ id: 't3' }] });
      const flags = 'includeSettings=true&includeSystemSettings=true&includePlugins=true';
      expect(seen.map((one) => one.url)).toEqual([`/organizations/o1/tenants?page=0&pageSize=5&${flags}`]);
    });
  });

  describe('getCurrentUser', () => {
    const user = { id: 'u1', email: 'a@b.c', isModerator: false, organizationRoles: { o1: ['HBF_ORG_ADMIN', 5] } };

    it("asks with the caller's token", async () => {
      answers = [
        { body: { ...user, effectiveRoles: { organizationRoles: { o2: ['HBF_ORG_VIEWER'] }, tenantRoles: {} } } },
      ];
      const found = await core.getCurrentUser('caller');
      expect(seen[0]).toMatchObject({ url: '/users/me', token: 'Bearer caller' });
      expect(found).toMatchObject({ id: 'u1', email: 'a@b.c', isModerator: false });
      expect(found.organizationRoles).toEqual(new Map([['o1', ['HBF_ORG_ADMIN']]]));
      expect(found.effectiveRoles?.organizationRoles).toEqual(new Map([['o2', ['HBF_ORG_VIEWER']]]));
    });

    it('gives no rights that are not told', async () => {
      answers = [{ body: { id: 'u1', isModerator: 'true' } }];
      const nobody = { id: 'u1', isModerator: false, effectiveRoles: undefined, organizationRoles: new Map() };
      expect(await core.getCurrentUser('caller')).toMatchObject(nobody);
    });

    it.each([{ id: 5 }, { id: 'u1', organizationRoles: [] }, { id: 'u1', organizationRoles: { o1: 'HBF_ORG_ADMIN' } }])(
      'refuses %j',
      async (body) => {
        answers = [{ body }];
        await expect(core.getCurrentUser('caller')).rejects.toMatchObject({ kind: 'shape' });
      },
    );

    it.each([401, 403])('says so when the token is not accepted (%i)', async (status) => {
      answers = [{ status }];
      await expect(core.getCurrentUser('caller')).rejects.toMatchObject({ kind: 'unauthorized', status });
      expect(seen).toHaveLength(1);
    });
  });

  describe('pipelines', () => {
    const pipeline = {
      id: 'p1',
      name: 'FAQ',
      status: 'Outdated',
      nlpService: 'HBF_NLP',
      trainingGroup: 'g1',
      updatedAt: '2026-01-01T00:00:00Z',
      apiKey: 'planted-key',
      settings: { bearerToken: 'planted-token' },
    };

    it('are listed without their credentials, malformed ones apart', async () => {
      answers = [{ body: [pipeline, { name: 'no id' }] }];
      const page = await core.listOutdatedPipelines();
      expect(seen[0]!.url).toBe('/nlp-pipelines?status=OUTDATED&tenantHasAutoTrain=true');
      expect(page.items).toMatchObject([{ id: 'p1', status: 'OUTDATED', updatedAt: new Date('2026-01-01') }]);
      expect(page.rejected).toEqual([{ problem: 'pipeline.id must be a non-empty string' }]);
      expect(JSON.stringify(page)).not.toContain('planted');
    });

    it('are listed by failed training as well', async () => {
      answers = [{ body: [{ ...pipeline, status: 'FAILED' }] }];
      expect((await core.listFailedPipelines()).items).toMatchObject([{ id: 'p1', status: 'FAILED' }]);
      expect(seen[0]!.url).toBe('/nlp-pipelines?status=FAILED&tenantHasAutoTrain=true');
    });

    it('are read one by one, and undefined once deleted', async () => {
      answers = [{ body: { ...pipeline, status: 'WARMING_UP', lastTrainedAt: null } }, { status: 404 }];
      expect(await core.getPipeline('p1')).toMatchObject({ status: 'WARMING_UP', lastTrainedAt: undefined });
      expect(await core.getPipeline('p1')).toBeUndefined();
    });

    it('are trained once, whatever comes of it', async () => {
      answers = [{ status: 200, body: pipeline }, { status: 503 }];
      await core.trainPipeline('p/1');
      await expect(core.trainPipeline('p/1')).rejects.toMatchObject({ kind: 'failed' });
      expect(seen.map((one) => `${one.method} ${one.url}`)).toEqual(Array(2).fill('POST /nlp-pipelines/p%2F1/train'));
    });
  });
});
