import { type Created, IntegrationsFixture, integration, type Shown, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';

interface ShownError {
  sessionId: string;
}

let fixture: IntegrationsFixture;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('integrations-e2e');
});
afterAll(() => fixture.stop());

describe('integrations over REST', () => {
  it('creates an integration and answers it as the contract says, and its signing secret', async () => {
    const { status, body, headers } = await fixture.call<Shown>('POST', PATH, { body: integration() });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(Number),
      ...integration(),
      signingSecret: expect.stringMatching(/^whsec_/),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      createdBy: 'ada@org1.example',
      modifiedAt: body.createdAt,
      modifiedBy: 'ada@org1.example',
      circuit: { state: 'closed', failures: 0 },
    });
    expect(headers.get('cache-control')).toBe('no-store');
    const { signingSecret: _, ...shown } = body as Created;
    expect((await fixture.call('GET', `${PATH}/${shown.id}`)).body).toEqual(shown);
  });

  it('answers headers as a list also when none were given', async () => {
    const rest = integration({ headers: undefined });
    const { status, body } = await fixture.call<Shown>('POST', PATH, { body: rest });
    expect([status, body.headers]).toEqual([201, []]);
  });

  it('signs with the id of a caller who has no e-mail', async () => {
    fixture.platform.core.addUser({ token: 'token-no-mail', id: 'no-mail', isModerator: true });
    fixture.platform.core.server.fault({
      kind: 'body',
      route: 'GET /users/me',
      when: ({ token }) => token === 'token-no-mail',
      body: { id: 'no-mail', fullName: 'N', isModerator: true, organizationRoles: {} },
    });
    const { status, body } = await fixture.call<Shown>('POST', PATH, { token: 'token-no-mail', body: integration() });
    expect([status, body.createdBy, body.modifiedBy]).toEqual([201, 'no-mail', 'no-mail']);
  });

  it('lists the integrations of the organization only, oldest first', async () => {
    const [first, second] = [await fixture.create(), await fixture.create()];
    const foreign = await fixture.create({ tenants: ['u1'] }, 'org2');
    const { status, body } = await fixture.call<Shown[]>('GET', PATH);
    const ids = body.map(({ id }) => id);
    expect(status).toBe(200);
    expect(ids.slice(-2)).toEqual([first.id, second.id]);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(ids).not.toContain(foreign.id);
    expect(
      (await fixture.call('GET', '/organizations/org-empty/integrations', { token: TOKENS.moderator })).body,
    ).toEqual([]);
  });

  it('replaces all settings and keeps who created the integration', async () => {
    const created = await fixture.create();
    const bare = integration({
      url: 'https://other.example.com/x',
      tenants: ['t3'],
      enabled: false,
      headers: undefined,
    });
    const { status, body } = await fixture.call<Shown>('PUT', `${PATH}/${created.id}`, {
      token: TOKENS.colleague,
      body: bare,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...created,
      ...bare,
      headers: [],
      modifiedBy: 'bob@org1.example',
      modifiedAt: expect.any(String),
    });
    expect(Date.parse(body.modifiedAt)).toBeGreaterThanOrEqual(Date.parse(created.modifiedAt));
    expect((await fixture.call('GET', `${PATH}/${created.id}`)).body).toEqual(body);
  });

  it('deletes, and answers 404 from then on', async () => {
    const { id } = await fixture.create();
    const deleted = await fixture.call('DELETE', `${PATH}/${id}`);
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    for (const [method, body] of [['GET'], ['DELETE'], ['PUT', integration()]] as const) {
      expect((await fixture.call(method, `${PATH}/${id}`, { body })).status).toBe(404);
    }
  });

  it("treats another organization's integration as missing", async () => {
    const { id } = await fixture.create({ tenants: ['u1'] }, 'org2');
    for (const [method, body] of [['GET'], ['DELETE'], ['PUT', integration()]] as const) {
      const { status, body: answer } = await fixture.call(method, `${PATH}/${id}`, { body });
      expect([status, answer.message]).toEqual([404, 'this organization has no such integration']);
    }
    expect((await fixture.call('GET', `${PATH}/errors/${id}`)).status).toBe(404);
    expect(
      (await fixture.call('GET', `/organizations/org2/integrations/${id}`, { token: TOKENS.foreignAdmin })).status,
    ).toBe(200);
  });

  it('stores no header value in clear', async () => {
    const { id } = await fixture.create();
    const stored = await fixture.stored('integrations', { _id: id });
    expect(stored[0]).toMatchObject({ organizationId: 'org1', headers: [{ name: 'X-Api-Key' }] });
    expect(JSON.stringify(stored)).not.toMatch(/PLANTED-header-value|whsec_/);
  });
});

describe('two administrators who change one integration at once', () => {
  it('get 412 for the second change of one version when If-Match is sent', async () => {
    const { id } = await fixture.create();
    const etag = (await fixture.call('GET', `${PATH}/${id}`)).headers.get('etag')!;
    expect(etag).toMatch(/^"\d+"$/);
    const change = (token: string, tenants: string[]) =>
      fixture.call('PUT', `${PATH}/${id}`, { token, body: integration({ tenants }), headers: { 'if-match': etag } });
    const answers = await Promise.all([change(TOKENS.admin, ['t1']), change(TOKENS.colleague, ['t2'])]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200)!;
    const now = await fixture.call('GET', `${PATH}/${id}`);
    expect(now.body).toEqual(won.body);
    expect(now.headers.get('etag')).toBe(won.headers.get('etag'));
    expect(now.headers.get('etag')).not.toBe(etag);
  });

  it('overwrite each other without If-Match, as the contract says', async () => {
    const { id } = await fixture.create();
    const [one, two] = await Promise.all([
      fixture.call('PUT', `${PATH}/${id}`, { body: integration({ tenants: ['t1'] }) }),
      fixture.call('PUT', `${PATH}/${id}`, { token: TOKENS.colleague, body: integration({ tenants: ['t2'] }) }),
    ]);
    expect([one.status, two.status]).toEqual([200, 200]);
    const { body } = await fixture.call('GET', `${PATH}/${id}`);
    expect([one.body, two.body]).toContainEqual(body);
  });

  it('may send a weak tag or *, delete only the version that was meant, and get 400 for what is no tag', async () => {
    const { id } = await fixture.create();
    const put = (ifMatch: string) =>
      fixture.call('PUT', `${PATH}/${id}`, { body: integration(), headers: { 'if-match': ifMatch } });
    expect((await put('W/"1"')).status).toBe(200);
    expect((await put('*')).status).toBe(200);
    expect((await put('sometime')).status).toBe(400);
    const remove = (ifMatch: string) => fixture.call('DELETE', `${PATH}/${id}`, { headers: { 'if-match': ifMatch } });
    expect((await remove('"1"')).status).toBe(412);
    expect((await remove('"3"')).status).toBe(204);
  });
});

describe('the errors of an integration', () => {
  const error = (integrationId: number, n: number) => ({
    _id: `s${n}/webhook:${integrationId}/1`,
    integrationId,
    organizationId: 'org1',
    sessionId: `s${n}`,
    tenantId: 't1',
    attempt: 1,
    at: new Date(Date.UTC(2026, 0, 1) + n * 1000),
    statusCode: 503,
    code: 'http_503',
    message: 'the endpoint answered 503',
    durationMs: 12,
    nextAttemptAt: new Date(Date.UTC(2026, 0, 2)),
    dead: false,
  });

  const unanswered = (integrationId: number, n: number) => {
    const answered: Partial<ReturnType<typeof error>> = error(integrationId, n);
    delete answered.statusCode;
    delete answered.nextAttemptAt;
    return answered;
  };

  it('are listed newest first, and are empty before there is one', async () => {
    const { id } = await fixture.create();
    const none = await fixture.call('GET', `${PATH}/errors/${id}`);
    expect([none.status, none.body]).toEqual([200, []]);
    await fixture.insert('integration-errors', [
      error(id, 2),
      { ...unanswered(id, 3), code: 'timeout', dead: true },
      error(id, 1),
      error(id + 1_000_000, 9),
    ]);
    const { status, body } = await fixture.call<ShownError[]>('GET', `${PATH}/errors/${id}`);
    expect(status).toBe(200);
    expect(body.map(({ sessionId }) => sessionId)).toEqual(['s3', 's2', 's1']);
    const { _id, at, nextAttemptAt, ...rest } = error(id, 2);
    const { organizationId, ...shown } = rest;
    expect(organizationId).toBe('org1');
    expect(body[1]).toEqual({ ...shown, id: _id, at: at.toISOString(), nextAttemptAt: nextAttemptAt.toISOString() });
    expect(body[0]).not.toHaveProperty('statusCode');
    expect(body[0]).toMatchObject({ code: 'timeout', dead: true });
  });

  it('are the newest 1,000 at most, read in one round trip over the index', async () => {
    const { id } = await fixture.create();
    await fixture.insert(
      'integration-errors',
      Array.from({ length: 1_500 }, (_, n) => error(id, n)),
    );
    const { body } = await fixture.call<ShownError[]>('GET', `${PATH}/errors/${id}`);
    expect(body).toHaveLength(1_000);
    expect([body[0]?.sessionId, body.at(-1)?.sessionId]).toEqual(['s1499', 's500']);
    const examined = await fixture.examinedByErrorList(id);
    expect(examined).toBeGreaterThanOrEqual(1_000);
    expect(examined).toBeLessThanOrEqual(2 * 1_000);
  });

  it('are 404 for an id that is unknown or no number', async () => {
    expect((await fixture.call('GET', `${PATH}/errors/abc`)).status).toBe(400);
    expect((await fixture.call('GET', `${PATH}/errors/99999999`)).status).toBe(404);
  });
});

it('the service keeps to the contracts of the platform', () => {
  expect(fixture.platform.violations).toEqual([]);
});
