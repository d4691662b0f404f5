import type { ErrorBody } from '../../../src/http/error-body.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const ADMIN = 'token-admin';
const MODERATOR = 'token-moderator';

let round: Round;

beforeEach(async () => {
  round = await Round.start('console-lists', { API_RATE_LIMIT_PER_MIN: '1000000' });
  round.core.addUser({ token: MODERATOR, isModerator: true });
  round.core.addUser({ token: ADMIN, organizationRoles: { 'org-t1': ['HBF_ORG_ADMIN'] } });
});

afterEach(async () => {
  expect(round.platform.violations).toEqual([]);
  await round.stop();
});

async function get<T>(path: string, token = ADMIN) {
  const response = await fetch(`${round.service.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as T };
}

describe("an organization's tenants", () => {
  const list = () => get<unknown[]>('/organizations/org-t1/tenants');
  const asked = () => ['GET /tenants', 'GET /organizations/{orgId}/tenants'].map((of) => round.core.server.count(of));

  it('are told with their thresholds, by the list of the latest check', async () => {
    round.addTenant('t1', { fields: { displayName: 'Cards' } });
    round.addTenant('t2', { organizationId: 'org-t1', expireAfterSeconds: undefined, fields: { displayName: null } });
    round.addTenant('t3');
    await round.check();
    round.core.server.resetCounters();
    const { status, body } = await list();
    expect([status, asked()]).toEqual([200, [0, 0]]);
    expect(body).toEqual([
      { id: 't1', displayName: 'Cards', thresholdSeconds: 600, rule: 'tenant-threshold' },
      { id: 't2', thresholdSeconds: 1800, rule: 'default-threshold' },
    ]);
  });

  it('are asked for once where no check has listed them', async () => {
    round.addTenant('t1');
    round.addTenant('t3');
    const { body } = await list();
    expect(body).toMatchObject([{ id: 't1', thresholdSeconds: 600 }]);
    expect(asked()).toEqual([0, 2]); // one page, and the one that brings nothing new
    await list();
    expect(asked()).toEqual([0, 2]);
  });

  it('are 503 while hbf-core is away, and told when it is back', async () => {
    round.addTenant('t1');
    const route = 'GET /organizations/{orgId}/tenants';
    const heal = round.platform.fault({ service: 'hbf-core', route, kind: 'status', status: 503 });
    expect((await list()).status).toBe(503);
    heal();
    expect((await list()).status).toBe(200);
  });
});

describe('sessions by the beginning of their ids', () => {
  const search = <T = Record<string, unknown>[]>(query: string) => get<T>(`/organizations/org-t1/sessions?${query}`);

  it('are told with the state of their deliveries, the own ones alone', async () => {
    round.addTenant('t1');
    round.addTenant('t2');
    const mine = round.addSession('t1', 20);
    const foreign = round.addSession('t2', 20);
    await round.check();
    await round.allSettled();
    const { status, body } = await search(`prefix=${mine.slice(0, 8)}`);
    expect([status, body]).toEqual([
      200,
      [
        {
          sessionId: mine,
          tenantId: 't1',
          revision: 1,
          lastInteraction: expect.any(String),
          foundAt: expect.any(String),
          completedAt: expect.any(String),
          deliveries: { pending: 0, delivered: 2, dead: 0, cancelled: 0 },
        },
      ],
    ]);
    expect((await search(`prefix=${foreign}`)).body).toEqual([]);
  });

  it.each(['', 'prefix', 'prefix=abc', `prefix=${'x'.repeat(257)}`, 'prefix=abcd&prefix=abcd', 'prefix[$gt]=abcd'])(
    'refuses ?%s',
    async (query) => {
      expect((await search<ErrorBody>(query)).status).toBe(400);
    },
  );

  it.each(['....', '^.*$', '%00%00%00%00', '%F0%9F%98%80%F0%9F%98%80', '{"$gt":""}'])(
    'takes %s for text',
    async (prefix) => {
      round.addTenant('t1');
      round.addSession('t1', 20);
      await round.check();
      expect(await search(`prefix=${encodeURIComponent(decodeURIComponent(prefix))}`)).toEqual({
        status: 200,
        body: [],
      });
    },
  );
});

describe('the destinations of all organizations', () => {
  const list = (query = '') => get<unknown[]>(`/operations/destinations${query}`, MODERATOR);

  it('tell due times and circuits, and of the URL the host alone', async () => {
    round.addTenant('t1');
    await round.addWebhook('t1', {
      url: 'https://ada:secret@hooks.example.com:8443/in?key=secret#part',
    });
    expect((await list()).body).toEqual([]);
    const openUntil = new Date(Date.now() + 60_000);
    const nextDueAt = new Date(Date.now() - 60_000);
    const documents = [
      { _id: 'webhook:1', version: 1, nextDueAt, openUntil, openings: 1, failures: 5 },
      { _id: 'webhook:77', version: 1, openUntil, openings: 1, failures: 5 },
    ];
    await round.db.collection<{ _id: string }>('destinations').insertMany(documents);
    const circuit = { state: 'open', failures: 5, nextProbeAt: openUntil.toISOString() };
    const { body } = await list();
    expect(body).toEqual([
      {
        destination: 'webhook:1',
        channel: 'webhook',
        nextDueAt: nextDueAt.toISOString(),
        circuit,
        organizationId: 'org-t1',
        host: 'hooks.example.com:8443',
      },
      { destination: 'webhook:77', channel: 'webhook', circuit },
    ]);
    expect((await list('?limit=1')).body).toHaveLength(1);
  });

  it.each(['?limit=0', '?limit=201', '?limit=x', '?limit=', '?limit=1&limit=2', '?since=2026-01-01'])(
    'refuse %s',
    async (query) => {
      expect((await list(query)).status).toBe(400);
    },
  );
});
