import type { ErrorBody } from '../../../src/http/error-body.js';
import { type Created, integration, IntegrationsFixture, type Shown, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';
const TENANT_ROUTE = 'GET /organizations/:organizationId/tenants';
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

let fixture: IntegrationsFixture;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('integration-changes-e2e');
});
afterAll(() => fixture.stop());

const get = (id: number) => fixture.call<Shown>('GET', `${PATH}/${id}`);
const put = (id: number, body: unknown) => fixture.call<Shown & ErrorBody>('PUT', `${PATH}/${id}`, { body });
const patch = (id: number, body: unknown, headers: Record<string, string> = {}) =>
  fixture.call<Shown & ErrorBody>('PATCH', `${PATH}/${id}`, { body, headers });

describe('a body that GET answered', () => {
  it('may be PUT back, with what the service says of the integration in it', async () => {
    const { id } = await fixture.create();
    const failed = { failingSince: new Date(), enabled: false, disabledReason: 'gone', disabledAt: new Date() };
    await fixture.change('integrations', { _id: id }, { $set: failed });
    const { body: read } = await get(id);
    expect(read).toMatchObject({ disabledReason: 'gone', failingSince: failed.failingSince.toISOString() });
    const { status, body } = await put(id, { ...read, circuit: { state: 'open' }, enabled: true });
    expect(status).toBe(200);
    const {
      disabledReason: _,
      disabledAt: _at,
      failingSince: _since,
      ...kept
    } = read as Shown & Record<string, unknown>;
    expect(body).toEqual({ ...kept, enabled: true, modifiedAt: expect.any(String) });
  });

  it('may be PUT back as POST answered it, and the secret stays the one that it was', async () => {
    const { status, body: created } = await fixture.call<Created>('POST', PATH, { body: integration() });
    const secret = await fixture.call<{ secret: string }>('GET', `${PATH}/${created.id}/signing-secret`);
    expect([status, secret.body.secret]).toEqual([201, created.signingSecret]);
    expect((await put(created.id, { ...created, signingSecret: 'whsec_AAAA' })).status).toBe(200);
    expect((await fixture.call('GET', `${PATH}/${created.id}/signing-secret`)).body).toEqual(secret.body);
  });

  it('of POST is kept by no cache, as it holds the secret', async () => {
    const { headers } = await fixture.call('POST', PATH, { body: integration() });
    expect(headers.get('cache-control')).toBe('no-store');
  });
});

describe('PATCH', () => {
  it('changes what is given and nothing else, and tells the new version', async () => {
    const created = await fixture.create();
    const { status, body, headers } = await patch(created.id, { enabled: false });
    expect(status).toBe(200);
    expect(body).toEqual({ ...created, enabled: false, modifiedAt: expect.any(String) });
    expect(headers.get('etag')).toBe('"2"');
    expect((await get(created.id)).body).toEqual(body);
  });

  it('takes application/merge-patch+json: null removes the headers, and is refused for what is required', async () => {
    const { id } = await fixture.create();
    expect((await patch(id, { headers: null }, MERGE_PATCH)).body.headers).toEqual([]);
    const refused = await patch(
      id,
      { url: null, tenants: null, enabled: null, errorEmailRecipients: null },
      MERGE_PATCH,
    );
    expect([refused.status, refused.body.errors!.map(({ field }) => field).sort()]).toEqual([
      400,
      ['enabled', 'errorEmailRecipients', 'tenants', 'url'],
    ]);
  });

  it('enables what the service had disabled, and forgets why, as the mail says', async () => {
    const { id } = await fixture.create();
    const gone = { enabled: false, disabledReason: 'gone', disabledAt: new Date(), failingSince: new Date() };
    await fixture.change('integrations', { _id: id }, { $set: gone });
    const { body } = await patch(id, { enabled: true });
    expect(body.enabled).toBe(true);
    for (const name of ['disabledReason', 'disabledAt', 'failingSince']) expect(body).not.toHaveProperty(name);
  });

  it('of nothing changes nothing: neither the version nor who changed it', async () => {
    const created = await fixture.create();
    const { status, body, headers } = await fixture.call('PATCH', `${PATH}/${created.id}`, {
      token: TOKENS.colleague,
      body: { id: 7 },
    });
    expect([status, body, headers.get('etag')]).toEqual([200, created, '"1"']);
  });

  it('obeys If-Match', async () => {
    const { id } = await fixture.create();
    expect((await patch(id, { enabled: false }, { 'if-match': '"2"' })).status).toBe(412);
    expect((await patch(id, { enabled: false }, { 'if-match': '"1"' })).status).toBe(200);
    expect((await patch(id, { enabled: true }, { 'if-match': '"1"' })).status).toBe(412);
  });

  it('loses no change of those that others make at the same moment', async () => {
    const { id } = await fixture.create();
    const changes = [
      { enabled: false },
      { tenants: ['t3'] },
      { errorEmailRecipients: [] },
      { url: 'https://other.example.com/' },
    ];
    const answers = await Promise.all(changes.map((change) => patch(id, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await get(id)).body).toMatchObject(Object.assign({}, ...changes) as object);
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown property', { name: 'x' }, /^name: is not a known property$/],
    ['a wrong type', { enabled: 'yes' }, /^enabled: must be true or false$/],
    ['a private URL', { url: 'https://10.0.0.1/' }, /^url: the host of the URL is not public$/],
    ['a header without a value', { headers: [{ name: 'x' }] }, /^headers\[0\]\.value: must be a string$/],
    ['a list', [], /^body: must be a JSON object/],
  ])('refuses %s', async (_, body, expected) => {
    const { id } = await fixture.create();
    const refused = await patch(id, body);
    expect(refused.status).toBe(400);
    expect(refused.body.message).toEqual([expect.stringMatching(expected)]);
  });

  it("is 404 for what is missing or another organization's", async () => {
    const { id } = await fixture.create({ tenants: ['u1'] }, 'org2');
    expect([(await patch(id, { enabled: false })).status, (await patch(999_999, {})).status]).toEqual([404, 404]);
  });
});

describe('tenants', () => {
  it('may be none: nothing is sent', async () => {
    const { id } = await fixture.create({ tenants: [] });
    expect((await get(id)).body.tenants).toEqual([]);
  });

  it('that are listed already are not checked again: an integration whose tenant is gone can be changed', async () => {
    const { id } = await fixture.create({ tenants: ['t1', 't2'] });
    await fixture.change('integrations', { _id: id }, { $set: { tenants: ['t1', 'gone'] } });
    fixture.platform.core.server.resetCounters();
    expect((await put(id, integration({ tenants: ['gone', 't1'], enabled: false }))).status).toBe(200);
    expect((await patch(id, { tenants: ['gone'] })).status).toBe(200);
    expect(fixture.platform.core.server.count(TENANT_ROUTE)).toBe(0);
    expect((await patch(id, { tenants: ['gone', 't3'] })).status).toBe(200);
    const refused = await patch(id, { tenants: ['gone', 't9'] });
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [{ field: 'tenants', message: 'must be tenants of this organization, unlike t9 (the nearest is t1)' }],
    ]);
  });

  it('that are unknown are answered with the nearest of the organization', async () => {
    fixture.platform.core.addTenant({ id: '66f1c0de9b1d8a0012345678', organizationId: 'org3' });
    fixture.platform.core.addTenant({ id: '77aa', organizationId: 'org3' });
    const tenants = ['66f1c0de9b1d8a001234568'];
    const refused = await fixture.call('POST', '/organizations/org3/integrations', {
      token: TOKENS.moderator,
      body: integration({ tenants }),
    });
    expect(refused.body.errors![0]!.message).toMatch(
      /unlike 66f1c0de9b1d8a001234568 \(the nearest is 66f1c0de9b1d8a0012345678\)$/,
    );
  });
});

describe('recipients', () => {
  it('may have a name before the address, and are answered as they were written', async () => {
    const errorEmailRecipients = ['Ada <ada@example.com>', '"Lovelace, Ada" <lovelace@example.com>', 'bob@example.com'];
    const { id } = await fixture.create({ errorEmailRecipients });
    expect((await get(id)).body.errorEmailRecipients).toEqual(errorEmailRecipients);
  });
});
