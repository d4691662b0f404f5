import type { ErrorBody } from '../../../src/http/error-body.js';
import { type Answer, integration, IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';
const TENANT_ROUTE = 'GET /organizations/{orgId}/tenants';

let fixture: IntegrationsFixture;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('integrations-validation-e2e');
});
afterEach(() => fixture.platform.clearFaults());
afterAll(() => fixture.stop());

const post = (body: unknown, headers?: Record<string, string>) => fixture.call('POST', PATH, { body, headers });
const postTo = (orgId: string, body: unknown) =>
  fixture.call('POST', `/organizations/${orgId}/integrations`, { body, token: TOKENS.moderator });
const header = (name: unknown, value: unknown = 'v') => integration({ headers: [{ name, value }] });
const times = (n: number, make: (i: number) => unknown) => Array.from({ length: n }, (_, i) => make(i));

describe('a body with one violation gives one line that names the field', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a missing url', integration({ url: undefined }), /^url: must be a string$/],
    ['a url that is a number', integration({ url: 7 }), /^url: must be a string$/],
    ['a relative url', integration({ url: '/hook' }), /^url: the URL is not absolute$/],
    ['another protocol', integration({ url: 'ftp://example.com/x' }), /^url: the URL must begin with https/],
    ['a script', integration({ url: 'javascript:alert(1)' }), /^url: the URL must begin with https/],
    ['credentials', integration({ url: 'https://user:pw@example.com/' }), /^url: the URL must not hold credentials$/],
    ['a private address', integration({ url: 'https://10.1.2.3/' }), /^url: the host of the URL is not public$/],
    ['a metadata address', integration({ url: 'https://169.254.169.254/' }), /^url: the host of the URL is not/],
    ['a private address in disguise', integration({ url: 'https://0x0a010203/' }), /^url: the host of the URL is not/],
    ['a long url', integration({ url: `https://example.com/${'x'.repeat(2030)}` }), /^url: must be at most 2048 /],
    ['tenants that are no list', integration({ tenants: 't1' }), /^tenants: must be a list$/],
    [
      'too many tenants',
      integration({ tenants: times(1001, (i) => `t${i}`) }),
      /^tenants: must hold at most 1000 entries$/,
    ],
    ['a tenant twice', integration({ tenants: ['t1', 't1'] }), /^tenants: must hold each tenant once$/],
    [
      'a tenant that is no string',
      integration({ tenants: ['t1', 5, null] }),
      /^tenants: each entry \(at 1, 2\) must be/,
    ],
    [
      'an unknown tenant',
      integration({ tenants: ['t1', 'nope'] }),
      /^tenants: must be tenants of .* unlike nope \(the nearest is \w+\)$/,
    ],
    [
      "another organization's tenant",
      integration({ tenants: ['u1'] }),
      /^tenants: must be tenants of .* unlike u1 \(the nearest is \w+\)$/,
    ],
    ['a tenant that climbs', integration({ tenants: ['..'] }), /^tenants: must be tenants of .* unlike \.\. \(the/],
    ['a tenant with a slash', integration({ tenants: ['t1/../t2'] }), /^tenants: must be tenants of .* unlike t1\//],
    ['headers that are a map', integration({ headers: { a: 'b' } }), /^headers: must be a list$/],
    [
      'too many headers',
      integration({ headers: times(33, (i) => ({ name: `x-${i}`, value: '' })) }),
      /^headers: must hold at most 32 entries$/,
    ],
    ['a header without value', integration({ headers: [{ name: 'x-a' }] }), /^headers\[0\]\.value: must be a string$/],
    [
      'a header that is a list',
      integration({ headers: [[{ name: 'x', value: 'y' }]] }),
      /^headers: each entry \(at 0\) must be an object/,
    ],
    [
      'a header with more in it',
      integration({ headers: [{ name: 'x', value: 'y', z: 1 }] }),
      /^headers\[0\]\.z: is not a known property$/,
    ],
    ['an empty name', header(''), /^headers\[0\]\.name: must not be empty$/],
    ['a name with a space', header('x y'), /^headers\[0\]\.name: must be letters, digits/],
    ['a name with a line break', header('x\r\ny'), /^headers\[0\]\.name: must be letters, digits/],
    ['a long name', header('x'.repeat(4097)), /^headers\[0\]\.name: must be at most 4096 characters$/],
    ['a reserved name', header('Host'), /^headers\[0\]\.name: must not be a name that the service sets itself$/],
    [
      'a reserved type',
      header('Content-Type'),
      /^headers\[0\]\.name: must not be a name that the service sets itself$/,
    ],
    ['a reserved length', header('content-LENGTH'), /^headers\[0\]\.name: must not be a name/],
    ['a webhook name', header('Webhook-Id'), /^headers\[0\]\.name: must not be a name/],
    ['a value with a line break', header('x-a', 'a\r\nb: c'), /^headers\[0\]\.value: must be printable/],
    ['a value with NUL', header('x-a', 'a\u0000b'), /^headers\[0\]\.value: must be printable/],
    ['a value beyond Latin-1', header('x-a', 'κλειδί'), /^headers\[0\]\.value: must be printable/],
    ['a long value', header('x-a', 'x'.repeat(4097)), /^headers\[0\]\.value: must be at most 4096 characters$/],
    ['enabled as text', integration({ enabled: 'true' }), /^enabled: must be true or false$/],
    ['no recipients', integration({ errorEmailRecipients: undefined }), /^errorEmailRecipients: must be a list$/],
    [
      'too many recipients',
      integration({ errorEmailRecipients: times(21, (i) => `a${i}@example.com`) }),
      /^errorEmailRecipients: must hold at most 20 entries$/,
    ],
    [
      'a recipient that is none',
      integration({ errorEmailRecipients: ['a@example.com', 'nobody'] }),
      /^errorEmailRecipients: each entry \(at 1\) must be an e-mail address, as ada@example.com or Ada <ada@example.com>$/,
    ],
    [
      'a recipient that smuggles',
      integration({ errorEmailRecipients: ['a@example.com\r\nBcc: b@example.com'] }),
      /^errorEmailRecipients: each entry/,
    ],
    ['an unknown property', integration({ name: 'x' }), /^name: is not a known property$/],
    [
      'a recipient whose name smuggles',
      integration({ errorEmailRecipients: ['Ada\r\nBcc: b@example.com <a@example.com>'] }),
      /^errorEmailRecipients: each entry/,
    ],
    ['a version of the caller', integration({ version: 1 }), /^version: is not a known property$/],
  ])('%s', async (_, body, expected) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toHaveLength(1);
    expect(answer.body.message[0]).toMatch(expected);
  });
});

describe('a valid body', () => {
  it.each<[string, Record<string, unknown>]>([
    ['no recipient', integration({ errorEmailRecipients: [] })],
    ['no header', integration({ headers: [] })],
    ['an empty value', header('x-a', '')],
    ['every character of a token', header("!#$%&'*+-.^_`|~09azAZ")],
    ['a Latin-1 value', header('x-a', 'café')],
    [
      '32 headers of 4,096 characters',
      integration({ headers: times(32, (i) => ({ name: `x-${i}`, value: 'v'.repeat(4096) })) }),
    ],
    ['a url of 2,048 characters', integration({ url: `https://example.com/${'x'.repeat(2028)}` })],
    ['an allowed private address', integration({ url: 'http://127.0.0.1:1/x' })],
  ])('%s', async (_, body) => {
    const answer = await post(body);
    expect([answer.status, answer.body]).toEqual([201, expect.objectContaining(body)]);
  });

  it('may name 1,000 tenants of the organization: hbf-core is asked for its list, by page, once a minute', async () => {
    const tenants = times(1000, (i) => `many-${i}`) as string[];
    for (const id of tenants) fixture.platform.core.addTenant({ id, organizationId: 'large' });
    fixture.platform.core.server.resetCounters();
    for (let n = 0; n < 10; n++) expect((await postTo('large', integration({ tenants }))).status).toBe(201);
    expect(fixture.platform.core.server.count(TENANT_ROUTE)).toBe(3); // two pages, and one that brings nothing new
  });
});

describe('a request', () => {
  it('names every violation at once, and asks nothing of hbf-core then', async () => {
    const headers = [{ name: 'Host', value: 'a\nb' }, { name: 'x' }];
    fixture.platform.core.server.resetCounters();
    const answer = await post({ url: 'http//', tenants: ['u1', 't1'], headers, errorEmailRecipients: [1], extra: 1 });
    expect(answer.status).toBe(400);
    const fields = answer.body.errors!.map(({ field }) => field).sort();
    expect(fields).toEqual(
      [
        'enabled',
        'errorEmailRecipients',
        'extra',
        'headers[0].name',
        'headers[0].value',
        'headers[1].value',
        'url',
      ].sort(),
    );
    expect(fixture.platform.core.server.count(TENANT_ROUTE)).toBe(0);
  });

  it('with 1,000 made-up tenants, ten times at once, costs hbf-core a few lists and no call for each', async () => {
    const tenants = times(1000, (i) => `made-up-${i}`);
    fixture.platform.core.server.resetCounters();
    const answers = await Promise.all(times(10, () => postTo('org2', integration({ tenants }))));
    for (const answer of answers as Answer<ErrorBody>[]) expect(answer.status).toBe(400);
    const { length } = fixture.platform.core.server.requests.filter(({ route }) => route === TENANT_ROUTE);
    expect(length).toBeLessThan(10);
  });

  it('to replace an integration asks nothing of hbf-core where there is none, or it was changed meanwhile', async () => {
    const { id } = await fixture.create();
    fixture.platform.core.server.resetCounters();
    const body = integration({ tenants: ['nope'] });
    expect((await fixture.call('PUT', `${PATH}/${id + 1000}`, { body })).status).toBe(404);
    expect((await fixture.call('PUT', `${PATH}/${id}`, { body, headers: { 'if-match': '"99"' } })).status).toBe(412);
    expect(fixture.platform.core.server.count(TENANT_ROUTE)).toBe(0);
  });

  it('names the foreign tenants alone, when nothing else is wrong', async () => {
    const answer = await post(integration({ tenants: ['u1', 't1', 'nope'] }));
    const message = 'must be tenants of this organization, unlike u1 (the nearest is t1), nope (the nearest is t1)';
    expect(answer.body.errors).toEqual([{ field: 'tenants', message }]);
    expect(answer.body.message).toEqual([`tenants: ${message}`]);
  });

  it('has one error body, problem details with the request id that the caller gave', async () => {
    const answer = await post({ ...integration(), url: 5, tenants: 't1' }, { 'x-request-id': 'req-42' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/);
    expect(answer.body).toEqual({
      type: '/problems/validation',
      title: 'The request is not valid',
      status: 400,
      detail: 'url: must be a string; tenants: must be a list',
      errors: [
        { field: 'url', message: 'must be a string' },
        { field: 'tenants', message: 'must be a list' },
      ],
      statusCode: 400,
      error: 'Bad Request',
      message: ['url: must be a string', 'tenants: must be a list'],
      path: PATH,
      requestId: 'req-42',
    });
    expect(answer.headers.get('x-request-id')).toBe('req-42');
    const made = await post({}, { 'x-request-id': 'not { harmless' });
    expect(made.body.requestId).toMatch(/^[\da-f-]{36}$/);
    expect(made.headers.get('x-request-id')).toBe(made.body.requestId);
  });

  it.each<[string, () => Promise<Answer<ErrorBody>>, number]>([
    ['a body of another media type', () => post('{}', { 'content-type': 'text/plain' }), 415],
    ['a method that the path lacks', () => fixture.call('DELETE', PATH), 405],
    ['a body that is too large', () => post(JSON.stringify(integration({ url: 'x'.repeat(256 * 1024) }))), 413],
    ['an unknown encoding', () => post('{}', { 'content-encoding': 'klingon' }), 415],
    ['a malformed path', () => fixture.call('GET', `${PATH}/%E0%A4%A`), 400],
    ['no route', () => fixture.call('GET', '/nowhere'), 404],
    ['no token', () => fixture.call('GET', PATH, { token: null }), 401],
    ['no right', () => fixture.call('GET', PATH, { token: TOKENS.viewer }), 403],
    ['no such integration', () => fixture.call('GET', `${PATH}/999999`), 404],
  ])('answers %s with problem details of the kind about:blank', async (_, call, status) => {
    const answer = await call();
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/);
    const { type, title, detail, error, message, statusCode, errors } = answer.body;
    expect([answer.status, answer.body.status, statusCode]).toEqual([status, status, status]);
    expect([type, title, detail, errors]).toEqual(['about:blank', error, message, undefined]);
  });

  it.each<[string, unknown, number, RegExp]>([
    ['malformed JSON', '{"url": ', 400, /^body: is not valid JSON at line 1, column 9/],
    ['a bare number', '5', 400, /^body: must be a JSON object/],
    ['a bare null', 'null', 400, /^body: must be a JSON object/],
    ['a list', '[{"url":"x"}]', 400, /^body: must be a JSON object/],
    ['nothing', '', 400, /^url: must be a string/],
    ['JSON that is too large', JSON.stringify(integration({ url: 'x'.repeat(256 * 1024) })), 413, /256 KB/],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400, /nested too deep/],
    ['nesting in a property', `{"url":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`, 400, /nested too deep/],
  ])('is refused when it is %s', async (_, body, status, message) => {
    const answer = await post(body);
    expect([answer.status, answer.body.statusCode]).toEqual([status, status]);
    expect([answer.body.message].flat()[0]).toMatch(message);
  });

  it('is refused when its content type is not JSON, or its charset is unknown', async () => {
    expect((await post('url=x', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    expect((await post(JSON.stringify(integration()), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('{}', { 'content-type': 'application/json; charset=klingon' })).status).toBe(415);
    expect((await post('{}', { 'content-encoding': 'klingon' })).status).toBe(415);
    expect((await post('{}', { 'content-encoding': 'gzip' })).status).toBe(400);
  });

  it.each(['abc', '1.5', '-1', '0x10', '1e3', 'NaN', '99999999999999999999', '%00', '11%20'])(
    'is refused for the id %s',
    async (id) => {
      for (const [method, body] of [['GET'], ['PUT', integration()], ['DELETE']] as const) {
        const answer = await fixture.call(method, `${PATH}/${id}`, { body });
        expect([answer.status, answer.body.message]).toEqual([400, ['integrationId: must be a whole number']]);
      }
    },
  );

  it('is refused when its path is malformed or no route', async () => {
    expect((await fixture.call('GET', `${PATH}/%E0%A4%A`)).status).toBe(400);
    const missing = await fixture.call('GET', '/nowhere?token=SECRET');
    expect([missing.status, missing.body.path]).toEqual([404, '/nowhere']);
    expect(missing.text).not.toContain('SECRET');
    expect((await fixture.call('DELETE', PATH)).status).toBe(405);
    expect((await fixture.call('POST', `${PATH}/1/nothing`, { body: {} })).status).toBe(404);
  });

  it('changes nothing when it is refused', async () => {
    const created = await fixture.create();
    expect(
      (await fixture.call('PUT', `${PATH}/${created.id}`, { body: { ...integration(), enabled: 1 } })).status,
    ).toBe(400);
    expect((await fixture.call('GET', `${PATH}/${created.id}`)).body).toEqual(created);
  });
});

let nextId = 1_000_000;

describe('a body with tenants while hbf-core cannot be asked for them', () => {
  it.each([
    ['fails', { kind: 'status', status: 500 }],
    ['refuses our own token', { kind: 'status', status: 401 }],
    ['hangs', { kind: 'hang' }],
    ['answers something else', { kind: 'body', body: { id: 't1' } }],
  ] as const)(
    'and %s, a write is 503, never a pass',
    async (_, fault) => {
      // of an organization whose tenants are not known from a minute before
      const orgId = `org-that-${fault.kind}-${'status' in fault ? fault.status : ''}`;
      const tenants = [`tenant-of-${orgId}`];
      fixture.platform.core.addTenant({ id: tenants[0]!, organizationId: orgId });
      const stored = {
        ...(await fixture.stored('integrations', {}))[0]!,
        _id: ++nextId,
        organizationId: orgId,
        tenants,
      };
      await fixture.insert('integrations', [stored]);
      fixture.platform.core.server.fault({ route: TENANT_ROUTE, ...fault });
      const body = integration({ tenants });
      const answer = await postTo(orgId, body);
      expect([answer.status, answer.body.type, answer.body.error]).toEqual([503, 'about:blank', 'Service Unavailable']);
      const path = `/organizations/${orgId}/integrations/${nextId}`;
      const added = { ...body, tenants: [...tenants, 'another'] };
      expect((await fixture.call('PUT', path, { body: added, token: TOKENS.moderator })).status).toBe(503);
      expect(await fixture.stored('integrations', { organizationId: orgId })).toEqual([stored]);
      expect((await postTo(orgId, integration({ enabled: 'yes' }))).status).toBe(400);
    },
    30_000,
  );
});

it('the service keeps to the contracts of the platform', () => {
  expect(fixture.platform.violations).toEqual([]);
});
