import type { ErrorBody } from '../../../src/http/error-body.js';
import { insertIntegrations } from '../../world/integrations.js';
import { connect, testDatabaseUri } from '../../world/database.js';
import { type RunningService, startService } from '../../world/service/service-in-process.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { integration, IntegrationsFixture, type Shown, TOKENS } from '../fixtures/integrations.js';

const NAME = 'integration-limits-e2e';
const LIMITS = { tenant: 100, organization: 1_000 };

let fixture: IntegrationsFixture;
let organizations = 0;
let firstId = 0;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start(NAME);
});
afterAll(() => fixture.stop());

/** An organization of its own with three tenants. */
function organization() {
  const id = `limited-${++organizations}`;
  const tenants = [1, 2, 3].map((n) => `${id}-t${n}`) as [string, string, string];
  for (const tenant of tenants) fixture.platform.core.addTenant({ id: tenant, organizationId: id });
  const path = `/organizations/${id}/integrations`;
  const send = async (method: string, where: string, body: Record<string, unknown>, url = fixture.service.url) => {
    const headers = { authorization: `Bearer ${TOKENS.moderator}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}${where}`, { method, headers, body: JSON.stringify(integration(body)) });
    return { status: answer.status, body: (await answer.json()) as Shown & ErrorBody };
  };
  return {
    id,
    tenants,
    post: (body: Record<string, unknown>, url?: string) => send('POST', path, body, url),
    put: (one: number, body: Record<string, unknown>, url?: string) => send('PUT', `${path}/${one}`, body, url),
    /** Stores integrations past the REST API. @returns their ids */
    has: async (count: number, body: { tenants: string[]; enabled?: boolean }) => {
      const mongo = await connect(testDatabaseUri(NAME));
      const url = 'https://hooks.example.com/sessions';
      firstId += 10_000; // the REST API counts on from the highest
      const all = Array.from({ length: count }, (_, i) => ({ id: firstId + i, organizationId: id, url, ...body }));
      await insertIntegrations(mongo.db(), all);
      await mongo.close();
      return all.map((one) => one.id);
    },
    enabledOf: async (tenant: string) =>
      (await fixture.stored('integrations', { organizationId: id, tenants: tenant, enabled: true })).length,
  };
}

const ofTenant = (tenant: string) =>
  `at most ${LIMITS.tenant} enabled integrations may name one tenant (INTEGRATIONS_MAX_PER_TENANT), and tenant ${tenant} has them`;
const OF_ORGANIZATION = `an organization may have at most ${LIMITS.organization} enabled integrations (INTEGRATIONS_MAX_PER_ORGANIZATION), and this one has them`;

describe('the limit of enabled integrations that name one tenant', () => {
  it('refuses one more, and takes one that is disabled or names others', async () => {
    const { tenants, has, post } = organization();
    const [full, other] = tenants;
    await has(LIMITS.tenant - 1, { tenants: [full] });
    await has(LIMITS.tenant, { tenants: [full], enabled: false });
    expect((await post({ tenants: [other, full] })).status).toBe(201);
    const { status, body } = await post({ tenants: [other, full] });
    expect([status, body.message]).toEqual([409, ofTenant(full)]);
    expect((await post({ tenants: [full], enabled: false })).status).toBe(201);
    expect((await post({ tenants: [other] })).status).toBe(201);
  });

  it('counts those of the organization only', async () => {
    const { tenants, post } = organization();
    await organization().has(LIMITS.tenant, { tenants: [tenants[0]] });
    expect((await post({ tenants: [tenants[0]] })).status).toBe(201);
  });

  it('refuses a change that enables one or names the tenant', async () => {
    const { tenants, has, put } = organization();
    const [full, other] = tenants;
    await has(LIMITS.tenant, { tenants: [full] });
    const [disabled] = await has(1, { tenants: [full], enabled: false });
    const [elsewhere] = await has(1, { tenants: [other] });
    const answers = [
      await put(disabled!, { tenants: [full] }),
      await put(elsewhere!, { tenants: [other, full] }),
      await put(disabled!, { tenants: [other] }),
      await put(disabled!, { tenants: [full, other], enabled: false }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 200, 200]);
    expect(answers.slice(0, 2).map(({ body }) => body.message)).toEqual([ofTenant(full), ofTenant(full)]);
  });

  it('lets those that exist be changed, also beyond it, as long as nothing is added', async () => {
    const { tenants, has, put, enabledOf } = organization();
    const [full, other] = tenants;
    const [one, two] = await has(LIMITS.tenant + 50, { tenants: [full, other] });
    const changes = [
      await put(one!, { tenants: [other, full], url: 'https://hooks.example.com/new' }),
      await put(one!, { tenants: [full] }),
      await put(one!, { tenants: [full, other] }),
      await put(two!, { tenants: [full], enabled: false }),
      await put(two!, { tenants: [full] }),
    ];
    expect(changes.map(({ status }) => status)).toEqual([200, 200, 409, 200, 409]);
    expect(await enabledOf(full)).toBe(LIMITS.tenant + 49);
  });
});

describe('the limit of enabled integrations of an organization', () => {
  it('refuses one more, and lets those that exist be changed', async () => {
    const { tenants, has, post, put } = organization();
    const [one] = await has(LIMITS.organization, { tenants: ['tenant-that-has-moved'] });
    const [disabled] = await has(1, { tenants: [tenants[0]], enabled: false });
    const answers = [
      await post({ tenants: [tenants[0]] }),
      await put(disabled!, { tenants: [tenants[0]] }),
      await put(one!, { tenants: [tenants[0]] }),
      await post({ tenants: [tenants[0]], enabled: false }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 200, 201]);
    expect(answers.slice(0, 2).map(({ body }) => body.message)).toEqual([OF_ORGANIZATION, OF_ORGANIZATION]);
  });
});

describe('the limits, with two replicas', () => {
  let second: RunningService;
  beforeAll(async () => {
    const more = { API_RATE_LIMIT_PER_MIN: '1000000' };
    second = await startService(serviceEnvironment(fixture.platform, testDatabaseUri(NAME), more));
  });
  afterAll(() => second.stop());

  it('let one of fifty writes at once through where there is room for one', async () => {
    const { tenants, has, post, put, enabledOf } = organization();
    const [full, other] = tenants;
    await has(LIMITS.tenant - 1, { tenants: [full] });
    const disabled = await has(10, { tenants: [full], enabled: false });
    const elsewhere = await has(10, { tenants: [other] });
    const at = (n: number) => (n % 2 === 0 ? fixture.service.url : second.url);
    const answers = await Promise.all([
      ...Array.from({ length: 30 }, (_, n) => post({ tenants: [full] }, at(n))),
      ...disabled.map((id, n) => put(id, { tenants: [full] }, at(n))),
      ...elsewhere.map((id, n) => put(id, { tenants: [other, full] }, at(n))),
    ]);
    const statuses = answers.map(({ status }) => status).sort();
    expect([statuses[0]! < 300, statuses.slice(1)]).toEqual([true, Array(49).fill(409)]);
    expect(await enabledOf(full)).toBe(LIMITS.tenant);
  });

  it('wait for a replica that ended in the middle of a write', async () => {
    const { id, tenants, post } = organization();
    const until = new Date(Date.now() + 1_000);
    await fixture.insert('leases', [{ _id: `integrations:${id}` as never, owner: 'ended', until }]);
    expect((await post({ tenants: [tenants[0]] })).status).toBe(201);
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
  });
});

it('the OpenAPI document tells of the 409', async () => {
  const { body } = await fixture.call<{
    paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
  }>('GET', '/api-json', { token: null });
  const { post } = body.paths['/organizations/{orgId}/integrations']!;
  const { put } = body.paths['/organizations/{orgId}/integrations/{integrationId}']!;
  const message = 'It would exceed the limit of enabled integrations that the message names';
  for (const { responses } of [post!, put!]) expect(responses['409']!.description).toMatch(message);
});
