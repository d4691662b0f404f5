import { NOWHERE } from '../../support/ports.js';
import { integration, IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

const ME = 'GET /users/me';

let fixture: IntegrationsFixture;
let ids: { mine: number; foreign: number };

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('authorisation-e2e');
  ids = {
    mine: (await fixture.create({ url: NOWHERE })).id,
    foreign: (await fixture.create({ tenants: ['u1'], url: NOWHERE }, 'org2')).id,
  };
});
afterEach(() => fixture.platform.clearFaults());
afterAll(() => fixture.stop());

interface ApiDocument {
  paths: Record<string, Record<string, unknown>>;
}

interface Route {
  method: string;
  path: string;
  body?: Record<string, unknown>;
}

/** Every route under an organization, as our own document lists them: one that is added is tested at once. */
async function routesOf(organizationId: string, integrationId: number, tenant: string): Promise<Route[]> {
  const { body: document } = await fixture.call<ApiDocument>('GET', '/api-json');
  const ours = Object.entries(document.paths).filter(([template]) => template.startsWith('/organizations/{orgId}/'));
  const bodyOf = (template: string, method: string) => {
    if (template.endsWith('/redeliveries') && method === 'post') return { body: { since: '2026-01-01T00:00:00.000Z' } };
    if (template.endsWith('/rotate')) return {};
    if (method === 'patch') return { body: {} };
    return /post|put/.test(method) ? { body: integration({ tenants: [tenant], url: NOWHERE }) } : {};
  };
  return ours.flatMap(([template, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: template
        .replace('{orgId}', organizationId)
        .replace('{integrationId}', String(integrationId))
        .replace(/\{\w+\}/g, 'unknown')
        .replace(/^\/organizations\/[^/]+\/deliveries$/, '$&?state=dead')
        .replace(/^\/organizations\/[^/]+\/sessions$/, '$&?prefix=none'),
      ...bodyOf(template, method),
    })),
  );
}

const statuses = async (routes: Route[], token: string | null): Promise<number[]> => {
  const answers = [];
  for (const { method, path, body } of routes) answers.push(await fixture.call(method, path, { token, body }));
  return answers.map(({ status }) => status);
};

/** Deleting goes last, as the others need what it deletes. */
const inOrder = (routes: Route[]) => [...routes].sort((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE')); // prettier-ignore

describe('every route for every kind of caller', () => {
  it('is in the table of this test', async () => {
    const routes = await routesOf('org1', ids.mine, 't1');
    const seen = routes.map(({ method, path }) => `${method} ${path}`);
    expect(seen).toEqual(
      expect.arrayContaining([
        'POST /organizations/org1/integrations',
        'GET /organizations/org1/integrations',
        `GET /organizations/org1/integrations/${ids.mine}`,
        `PUT /organizations/org1/integrations/${ids.mine}`,
        `DELETE /organizations/org1/integrations/${ids.mine}`,
        `GET /organizations/org1/integrations/errors/${ids.mine}`,
        `GET /organizations/org1/integrations/${ids.mine}/signing-secret`,
        `POST /organizations/org1/integrations/${ids.mine}/signing-secret/rotate`,
        `POST /organizations/org1/integrations/${ids.mine}/test`,
        'POST /organizations/org1/dry-run',
        'GET /organizations/org1/sessions/unknown/deliveries',
        'GET /organizations/org1/sessions?prefix=none',
        'GET /organizations/org1/tenants',
      ]),
    );
  });

  it.each([
    ['no token', null, 401],
    ["nobody's token", TOKENS.nobody, 401],
    ['a viewer', TOKENS.viewer, 403],
    ['an administrator of another organization', TOKENS.foreignAdmin, 403],
  ])('%s (%s) is answered %i everywhere', async (_, token, status) => {
    const routes = await routesOf('org1', ids.mine, 't1');
    expect(await statuses(inOrder(routes), token)).toEqual(routes.map(() => status));
  });

  it('is refused also for an integration that does not exist, so that nobody learns what exists', async () => {
    const routes = await routesOf('org-of-nobody', 4_711, 't1');
    expect(await statuses(routes, TOKENS.admin)).toEqual(routes.map(() => 403));
  });

  it.each([
    ['an administrator of the organization', TOKENS.admin],
    ['a moderator', TOKENS.moderator],
  ])('%s may use all of them', async (_, token) => {
    const { id } = await fixture.create({ url: NOWHERE });
    const routes = inOrder(await routesOf('org1', id, 't1'));
    const answers = await statuses(routes, token);
    // what the paths name as "unknown" is not there; all else works
    const failed = routes.filter(({ path }, i) => (path.includes('unknown') ? answers[i] !== 404 : answers[i]! >= 300));
    expect(failed).toEqual([]);
  });

  it("does not show an administrator another organization's integration under his own organization", async () => {
    const routes = (await routesOf('org1', ids.foreign, 't1')).filter(({ path }) => path.includes(String(ids.foreign)));
    expect(await statuses(inOrder(routes), TOKENS.admin)).toEqual(routes.map(() => 404));
    const there = await fixture.call('GET', `/organizations/org2/integrations/${ids.foreign}`, { token: TOKENS.foreignAdmin }); // prettier-ignore
    expect(there.status).toBe(200);
  });
});

describe('roles', () => {
  const list = (token: string, org = 'org1') => fixture.call('GET', `/organizations/${org}/integrations`, { token });
  const admin = { org1: ['HBF_ORG_ADMIN'] };

  it.each([
    ['effective roles grant what own roles do not', { effectiveRoles: { organizationRoles: admin } }, 200],
    ['effective roles take away what own roles grant', { organizationRoles: admin, effectiveRoles: { organizationRoles: {} } }, 403], // prettier-ignore
    ['own roles count where no effective ones are told', { organizationRoles: admin }, 200],
    [
      'an editor is no administrator',
      { organizationRoles: { org1: ['HBF_ORG_EDITOR', 'HBF_ORG_LIVECHAT_ADMIN'] } },
      403,
    ],
    ['a moderator is one by true alone', { isModerator: 'true' }, 403],
  ])('%s', async (name, rights, status) => {
    const token = `token-${name.replaceAll(' ', '-')}`;
    fixture.platform.core.addUser({ token, ...rights });
    expect((await list(token)).status).toBe(status);
  });

  it('an organization with the name of a property of objects grants nothing', async () => {
    for (const org of ['constructor', '__proto__', 'toString']) {
      expect((await list(TOKENS.admin, org)).status).toBe(403);
    }
  });

  it("the service's own token is a moderator when hbf-core says so", async () => {
    expect((await list(fixture.platform.environment['CORE_TOKEN']!)).status).toBe(200);
  });

  it.each(['Basic dTpw', 'Bearer', 'Bearer ', 'bearer a b', `Token ${TOKENS.admin}`, TOKENS.admin])(
    'the header "%s" is no bearer token',
    async (authorization) => {
      fixture.platform.core.server.resetCounters();
      const answer = await fixture.call('GET', '/organizations/org1/integrations', {
        token: null,
        headers: { authorization },
      });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(fixture.platform.core.server.count(ME)).toBe(0);
    },
  );
});

describe('a token that hbf-core refuses', () => {
  const list = (token: string) => fixture.call('GET', '/organizations/org1/integrations', { token });
  const UNKNOWN = 'hbf-core does not know this bearer token';
  const EXPIRED = 'the bearer token has expired; log in again for a new one';
  const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;
  const NOW = Math.floor(Date.now() / 1_000);

  it.each([
    ['is unknown', 'token-unheard-of', undefined, UNKNOWN],
    ['is unknown: hbf-core says so', 'token-invalid', 'Bearer error="invalid_token"', UNKNOWN],
    ['has expired: hbf-core says so', 'token-old', 'Bearer error="invalid_token", error_description="The token expired"', EXPIRED], // prettier-ignore
    ['has expired: it says so itself', jwt(NOW - 60), 'Bearer', EXPIRED],
    ['is unknown, and says that it has time left', jwt(NOW + 60), 'Bearer', UNKNOWN],
  ])('%s', async (_, token, challenge, message) => {
    if (challenge !== undefined) {
      fixture.platform.core.addUser({ token }); // the simulator refuses others before it fails as it is told
      const headers = { 'www-authenticate': challenge };
      fixture.platform.core.server.fault({ route: ME, kind: 'status', status: 401, headers });
    }
    const answer = await list(token);
    expect([answer.status, answer.body.message]).toEqual([401, message]);
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer error="invalid_token", error_description="${message}"`);
  });

  it('is told apart from none', async () => {
    const answer = await fixture.call('GET', '/organizations/org1/integrations', { token: null });
    const message = 'a bearer token is required: type Authorization: Bearer <token>';
    expect([answer.status, answer.body.message, answer.headers.get('www-authenticate')]).toEqual([
      401,
      message,
      'Bearer',
    ]);
  });
});

describe('the question to hbf-core who the caller is', () => {
  const list = (token: string) => fixture.call('GET', '/organizations/org1/integrations', { token });

  it('is asked once for many requests with one token, also when they come at once', async () => {
    fixture.platform.core.addUser({ token: 'token-often', organizationRoles: { org1: ['HBF_ORG_ADMIN'] } });
    fixture.platform.core.server.resetCounters();
    await Promise.all(Array.from({ length: 20 }, () => list('token-often')));
    expect((await list('token-often')).status).toBe(200);
    expect(fixture.platform.core.server.count(ME)).toBe(1);
  });

  it('is asked once within some seconds for a token that is refused', async () => {
    fixture.platform.core.server.resetCounters();
    expect([(await list('token-refused')).status, (await list('token-refused')).status]).toEqual([401, 401]);
    expect(fixture.platform.core.server.count(ME)).toBe(1);
  });

  it('is not asked for reads with a token that is known', async () => {
    const { id } = await fixture.create();
    fixture.platform.core.server.resetCounters();
    for (const path of ['', `/${id}`, `/errors/${id}`]) {
      expect((await fixture.call('GET', `/organizations/org1/integrations${path}`)).status).toBe(200);
    }
    expect(fixture.platform.core.server.requests).toEqual([]);
  });

  it.each([
    ['fails', { kind: 'status', status: 500 }],
    ['hangs', { kind: 'hang' }],
    ['hangs up', { kind: 'reset' }],
    ['is not understood', { kind: 'body', body: { fullName: 'No id' } }],
    ['is busy', { kind: 'status', status: 429 }],
  ] as const)(
    'gives 503 and no access when hbf-core %s, and is asked again afterwards',
    async (name, fault) => {
      const token = `token-while-core-${name}`.replaceAll(' ', '-');
      fixture.platform.core.addUser({ token, isModerator: true });
      const heal = fixture.platform.core.server.fault({ route: ME, ...fault });
      const answer = await list(token);
      expect([answer.status, answer.body.error]).toEqual([503, 'Service Unavailable']);
      expect((await list(TOKENS.admin)).status).toBe(200); // known already
      heal();
      expect((await list(token)).status).toBe(200);
    },
    30_000,
  );
});

it('the service keeps to the contracts of the platform', () => {
  expect(fixture.platform.violations).toEqual([]);
});
