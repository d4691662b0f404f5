import { ON_DEMAND_MAX_WAIT_MS, OperationsService } from '../../../src/api/operations.service.js';
import type { ErrorBody } from '../../../src/http/error-body.js';
import type { Overrides } from '../../world/service/service-in-process.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const MODERATOR = 'token-moderator';
const ADMIN = 'token-admin';
const CHECKS = '/operations/session-checks';
const DRY_RUN = '/operations/dry-run';

interface Check {
  startedAt: string;
  trigger: string;
  outcome: string;
  reason?: string;
  figures?: Record<string, unknown>;
}

interface Checks {
  items: Check[];
  problems: unknown[];
}

let round: Round;

async function start(env: Record<string, string> = {}, overrides?: Overrides): Promise<void> {
  round = await Round.start('operations-on-demand', env, overrides);
  round.core.addUser({ token: MODERATOR, isModerator: true });
  round.core.addUser({ token: ADMIN, organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
}

async function call<T>(method: string, path: string, token: string | null = MODERATOR) {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${round.service.url}${path}`, { method, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

describe('the on-demand routes', () => {
  beforeEach(() => start());

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  describe('are for moderators only', () => {
    it.each([
      ['POST', CHECKS],
      ['POST', DRY_RUN],
      ['GET', CHECKS],
      ['GET', '/operations/destinations'],
      ['POST', '/operations/pipeline-checks'],
    ])('%s %s', async (method, path) => {
      round.core.addUser({ token: 'nearly', isModerator: 'true' });
      const tokens = [null, 'token-of-nobody', ADMIN, 'nearly', MODERATOR];
      const statuses = [];
      for (const token of tokens) statuses.push((await call(method, path, token)).status);
      expect(statuses).toEqual([401, 401, 403, 403, 200]);
      round.platform.fault({ service: 'hbf-core', route: 'GET /users/me', kind: 'status', status: 500 });
      round.core.addUser({ token: 'another', isModerator: true });
      expect((await call(method, path, 'another')).status).toBe(503);
    });

    it('name the scheme that they want', async () => {
      expect((await call('GET', CHECKS, null)).headers.get('www-authenticate')).toBe('Bearer');
    });
  });

  it('are documented', async () => {
    const { body } = await call<{ paths: Record<string, Record<string, { responses: object }>> }>('GET', '/api-json');
    const responses = (path: string, method: string) => Object.keys(body.paths[path]![method]!.responses);
    const refusals = ['400', '401', '403', '429', '500', '503'];
    expect(responses(CHECKS, 'post').sort()).toEqual(['200', '202', ...refusals]);
    expect(responses(DRY_RUN, 'post').sort()).toEqual(['200', ...refusals.slice(1)]);
    expect(responses('/organizations/{orgId}/dry-run', 'post').sort()).toEqual(['200', ...refusals.slice(1)]);
    expect(responses(CHECKS, 'get').sort()).toEqual(['200', ...refusals]);
    expect(responses('/operations/destinations', 'get').sort()).toEqual(['200', ...refusals]);
    expect(responses('/operations/pipeline-checks', 'post').sort()).toEqual(['200', '202', ...refusals]);
  });

  describe('POST /operations/session-checks', () => {
    it('runs a check and answers its figures', async () => {
      round.addTenant('t1');
      const sessionId = round.addSession('t1', 20);
      const { status, body } = await call('POST', CHECKS);
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { status: 'finished', figures: { tenants: 1, found: 1, completed: 1, deferred: 0, paused: false } },
      });
      expect(round.core.session(sessionId).status).toBe('COMPLETED');
    });

    it('joins the check that is running', async () => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      const service = round.service.get(OperationsService);
      const runs = await Promise.all([service.runSessionCheck(), service.runSessionCheck(), round.check()]);
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[0].figures).toEqual(runs[2]);
      expect(round.core.server.count('GET /tenants')).toBe(2); // one page, and the one that brings nothing new
      expect(await round.db.collection('session-checks').countDocuments()).toBe(1);
    });

    it('answers 202 when the check takes long, and the check goes on', async () => {
      await round.stop();
      await start({}, () => [[ON_DEMAND_MAX_WAIT_MS, 0]]);
      round.addTenant('t1');
      round.addSession('t1', 20);
      expect(await call('POST', CHECKS)).toMatchObject({ status: 202, body: { status: 'running' } });
      expect(await round.check()).toMatchObject({ tenants: 1 });
      await round.allSettled();
    });

    it('answers 503 while hbf-core is away, and the history tells why', async () => {
      round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 503 });
      expect((await call('POST', CHECKS)).status).toBe(503);
      const { body } = await call<Checks>('GET', CHECKS);
      expect(body.items).toEqual([
        expect.objectContaining({ outcome: 'failed', reason: expect.stringContaining('http_503') }),
      ]);
    });

    it.each(['dryRun=true', 'dryRun=false', 'dryRun=maybe', 'dryRun=', 'dryRun', 'dryRun=true&dryRun=false'])(
      'refuses ?%s, names the path of dry runs, and checks nothing',
      async (query) => {
        const { status, body } = await call<ErrorBody>('POST', `${CHECKS}?${query}`);
        expect([status, body.errors]).toEqual([
          400,
          [{ field: 'dryRun', message: expect.stringContaining(`POST ${DRY_RUN}`) }],
        ]);
        expect(round.core.server.count('GET /tenants')).toBe(0);
      },
    );

    it.each(['dryrun=true', 'dry=true', 'dryRun[]=true', 'DRYRUN'])(
      'refuses ?%s, as it knows no such',
      async (query) => {
        expect((await call('POST', `${CHECKS}?${query}`)).status).toBe(400);
        expect(round.core.server.count('GET /tenants')).toBe(0);
      },
    );
  });

  describe('GET /operations/session-checks', () => {
    it('lists every check, the newest first', async () => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      await call('POST', CHECKS);
      await call('POST', CHECKS);
      const { body } = await call<Checks>('GET', CHECKS);
      expect(body.items.map(({ trigger, outcome, figures }) => [trigger, outcome, figures!['completed']])).toEqual([
        ['on-demand', 'finished', 0],
        ['on-demand', 'finished', 1],
      ]);
      expect(body.items[1]).toMatchObject({ backlog: 0, oldestDueSeconds: 0 });
      expect(Object.keys(body.items[0]!).sort()).toEqual([
        'backlog',
        'durationMs',
        'figures',
        'instance',
        'oldestDueSeconds',
        'outcome',
        'startedAt',
        'trigger',
      ]);
      expect(body.problems).toEqual([]);
    });

    it('lists the last hundred, or as many as wanted, since when wanted', async () => {
      for (let n = 0; n < 105; n++) {
        if (n === 100) round.addTenant('t1');
        await round.check();
      }
      const list = async (query: string) => (await call<Checks>('GET', `${CHECKS}${query}`)).body.items;
      const items = await list('');
      expect(items).toHaveLength(100);
      expect(items.filter(({ figures }) => figures!['tenants'] === 1)).toHaveLength(5);
      const times = items.map(({ startedAt }) => startedAt);
      expect(times).toEqual([...times].sort().reverse());
      expect(await list('?limit=1000')).toHaveLength(105);
      expect(await list(`?limit=3`)).toEqual(items.slice(0, 3));
      expect((await list(`?since=${times[4]}`)).length).toBeGreaterThanOrEqual(5);
      expect(await list(`?since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    });

    it.each(['since=today', 'since=2026-W47', 'limit=0', 'limit=1001', 'limit=x', 'limit=1.5', 'page=2'])(
      'refuses ?%s',
      async (query) => {
        expect((await call('GET', `${CHECKS}?${query}`)).status).toBe(400);
      },
    );
  });

  describe('POST /operations/pipeline-checks', () => {
    it('runs a check and answers its figures', async () => {
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

describe('an on-demand route that is called too often', () => {
  it('answers 429', async () => {
    await start({ API_RATE_LIMIT_PER_MIN: '3' });
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push((await call('GET', CHECKS)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    await round.stop();
  });
});
