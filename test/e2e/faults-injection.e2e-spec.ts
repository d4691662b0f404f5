import { connect } from 'node:net';
import { integration, IntegrationsFixture, type Shown, TOKENS } from './integrations.fixture.js';

const ORG = '/organizations/org1';
const INTEGRATIONS = `${ORG}/integrations`;

let fixture: IntegrationsFixture;
let id: number;

jest.setTimeout(30_000); // what takes its reader too long fails here

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('faults-injection', { SESSION_SERVICE_REQUEST_TIMEOUT: '20000' });
  ({ id } = await fixture.create());
});
afterAll(async () => {
  expect(fixture.platform.violations).toEqual([]);
  await fixture.stop();
});
afterEach(() => {
  // whatever came in, no object has become different from what it was
  const probe: Record<string, unknown> = {};
  for (const name of ['polluted', 'isAdmin', 'isModerator', 'enabled', 'status']) expect(probe[name]).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

/** The answer is one that a caller's mistake gets, or none was made; and it is the one error body. */
function expectAnswer({ status, text }: { status: number; text: string }, allowed: number[] = []): void {
  expect(allowed.length > 0 ? allowed : [200, 201, 202, 204, 400, 404]).toContain(status);
  if (status >= 400) expect(JSON.parse(text)).toMatchObject({ statusCode: status, message: expect.anything() });
  expect(text).not.toMatch(/at \w+ \(|node_modules|MongoServerError|CastError/);
}

const POLLUTION = [
  '{"__proto__":{"polluted":true,"isModerator":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"__proto__":{"__proto__":{"polluted":true}}}',
  '{"prototype":{"polluted":true},"toString":"x","valueOf":1,"hasOwnProperty":false}',
  '{"url":{"__proto__":{"polluted":true}},"headers":{"__proto__":[{"name":"a","value":"b"}]}}',
  '{"headers":[{"__proto__":{"polluted":true},"name":"a","value":"b"}]}',
  '{"headers":[{"name":"__proto__","value":"constructor"}],"tenants":["__proto__"]}',
  '{"__defineGetter__":"enabled","__lookupSetter__":1}',
  '{"$where":"sleep(10000)","$set":{"enabled":true},"a.b":1,"tenants.0":"u1"}',
];

const NESTED = [
  `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`,
  JSON.stringify(integration({ headers: [] })).replace('[]', '['.repeat(5_000) + ']'.repeat(5_000)),
  '{"url":'.repeat(33) + '1' + '}'.repeat(33),
];

/** Where a pattern with nested repetition would go on for hours. */
const LONG = 100_000;
const SLOW_TO_MATCH: Record<string, unknown>[] = [
  { errorEmailRecipients: [`a@${'a.'.repeat(LONG / 2)}`] },
  { errorEmailRecipients: [`${'a'.repeat(LONG)}@`] },
  { errorEmailRecipients: [`"${'\\"'.repeat(LONG / 4)}`] },
  { errorEmailRecipients: [`${'a.'.repeat(LONG / 2)}@example.com`] },
  { errorEmailRecipients: [`a@${'-'.repeat(LONG)}.com`] },
  { errorEmailRecipients: [`<${'<a@'.repeat(LONG / 4)}`] },
  { url: `https://${'a.'.repeat(LONG / 2)}` },
  { url: `https://${'0'.repeat(2_000)}/` },
  { url: `https://${'0x'.repeat(1_000)}/` },
  { url: `https://[${':'.repeat(2_000)}]/` },
  { url: `https://h/${'%'.repeat(2_000)}` },
  { url: `https://h/${'../'.repeat(600)}` },
  { url: `https://${'xn--'.repeat(400)}/` },
  { headers: [{ name: `${'a'.repeat(LONG)} `, value: 'x' }] },
  { headers: [{ name: 'a', value: `${' '.repeat(LONG)}\n` }] },
  { headers: [{ name: 'a', value: `${'\t '.repeat(LONG / 2)}` }] },
  { tenants: [`${' '.repeat(LONG)}t1`] },
  { tenants: [`${'t'.repeat(LONG)}\n`] },
  { tenants: Array.from({ length: 20_000 }, () => 't1') },
];

const STRANGE_VALUES: Record<string, unknown>[] = [
  { tenants: ['t1\0', '\0'] },
  { tenants: ['\ud800', 't1'] },
  { tenants: ['../../users/me'] },
  { tenants: ['..'] },
  { tenants: ['t1?token=x', 't1#'] },
  { tenants: ['%2e%2e%2fme'] },
  { url: 'https://hooks.example.com/\0' },
  { url: 'https://hooks.example.com/\r\nx-injected: 1' },
  { url: 'https://hooks.example.com\r\n.evil.example/' },
  { url: 'https://hooks.example.com/\ud800' },
  { url: 1e308 },
  { url: -0 },
  { enabled: 1 },
  { enabled: 'true' },
  { errorEmailRecipients: ['ops@example.com\r\nBcc: all@example.com'] },
  { errorEmailRecipients: ['ops@example.com\0'] },
  { errorEmailRecipients: ['"a\\"@x"@example.com,b@example.com'] },
  { errorEmailRecipients: [Number.MAX_SAFE_INTEGER * 2] },
  ...['\r\nx-injected: 1', '\n', '\0', 'a\u2028b', 'Ω', '\x7f'].map((value) => ({ headers: [{ name: 'a', value }] })),
  ...['a\r\nx-injected', 'a:b', 'a b', 'ä', '\0', '', '__proto__\0'].map((name) => ({
    headers: [{ name, value: 'b' }],
  })),
];

const HUGE = ['1e400', '-1e400', '9'.repeat(400), `0.${'0'.repeat(1_000)}1`, '1e-400', '18446744073709551616'];

describe.each(['POST', 'PUT'])('the body of an integration (%s)', (method) => {
  const send = (body: unknown) =>
    fixture.call(method, method === 'POST' ? INTEGRATIONS : `${INTEGRATIONS}/${id}`, { body });

  it.each(POLLUTION)('pollutes nothing: %s', async (text) => {
    expectAnswer(await send(text), [400]);
    // the same beside what is right
    const beside = `${JSON.stringify(integration()).slice(0, -1)},${text.slice(1)}`;
    const answer = await send(beside);
    expectAnswer(answer, [200, 201, 400]);
    if (answer.status < 300) expect(answer.text).not.toContain('polluted');
  });

  it.each(NESTED)('may be nested as deep as it likes (%#)', async (text) => expectAnswer(await send(text), [400, 413]));

  it.each(SLOW_TO_MATCH)('is read in no time (%#)', async (changes) =>
    expectAnswer(await send(integration(changes)), [200, 201, 400, 413]),
  );

  it.each(STRANGE_VALUES)('%j is refused, or harmless', async (changes) =>
    expectAnswer(await send(integration(changes)), [200, 201, 400]),
  );

  it.each(HUGE)('with the number %s', async (number) => {
    for (const name of ['url', 'enabled', 'tenants', 'id']) {
      expectAnswer(await send(`${JSON.stringify(integration()).slice(0, -1)},"${name}":${number}}`), [400]);
    }
  });

  it.each([
    ['gzip that is none', { 'content-encoding': 'gzip' }, '{}', [400]],
    ['an unknown encoding', { 'content-encoding': 'zstd-klingon' }, '{}', [415]],
    ['an unknown charset', { 'content-type': 'application/json; charset=klingon' }, '{}', [415]],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }, Buffer.from('{}', 'utf16le'), [400]],
    ['no UTF-8', {}, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), [400]],
    ['a byte order mark', {}, '\ufeff{}', [400]],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, '__proto__[polluted]=1', [400]],
    ['parts', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', [400]],
    [
      'a content type without an end',
      { 'content-type': `application/json;${' a=b;'.repeat(2_000)}` },
      '{}',
      [400, 415],
    ],
  ])('sent as %s', async (_what, headers, body, allowed) => {
    const path = method === 'POST' ? INTEGRATIONS : `${INTEGRATIONS}/${id}`;
    expectAnswer(await fixture.call(method, path, { body, headers }), allowed);
  });
});

/** For everything that stands in a path or a query. */
const TEXTS = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  '%00',
  '%0d%0ax-injected:%201',
  '%ff',
  '%ed%a0%80',
  '..%2f..%2fusers%2fme',
  '%2e%2e',
  '$where',
  '%7b%22%24gt%22%3a%22%22%7d',
  "'%20or%201=1--",
  '%3cscript%3e',
  '0x10',
  '1e400',
  '-1',
  '99999999999999999999999999',
  'NaN',
  'a'.repeat(4_000),
  `${'a'.repeat(2_000)}!`,
  encodeURIComponent('２０２６-01-01T00:00:00Z'),
  '2026-13-45T99:99:99Z',
  `${'0'.repeat(3_000)}-01-01`,
];

describe.each(TEXTS)('the text %s', (text) => {
  it.each([
    ['GET', `/organizations/${text}/integrations`],
    ['GET', `${INTEGRATIONS}/${text}`],
    ['DELETE', `${INTEGRATIONS}/${text}`],
    ['GET', `${INTEGRATIONS}/errors/${text}`],
    ['GET', `${INTEGRATIONS}/${text}/deliveries`],
    ['GET', `${ORG}/sessions/${text}/deliveries`],
    ['GET', `/${text}`],
  ])('in a path: %s %s', async (method, path) => expectAnswer(await fixture.call(method, path), [200, 400, 403, 404]));

  it.each([
    ['GET', (t: string) => `${INTEGRATIONS}/${id}/deliveries/${t}`],
    ['POST', (t: string) => `${INTEGRATIONS}/${id}/deliveries/${t}/retry`],
    ...['state', 'sessionId', 'since', 'until', 'cursor', 'limit'].map(
      (name) => ['GET', (t: string) => `${INTEGRATIONS}/${id}/deliveries?${name}=${t}`] as const,
    ),
    ['GET', (t: string) => `${INTEGRATIONS}/${id}/deliveries?${t}=1`],
    ['GET', (t: string) => `${INTEGRATIONS}/${id}/deliveries?__proto__[${t}]=1&constructor[prototype][polluted]=1`],
    ['GET', (t: string) => `${INTEGRATIONS}/${id}/deliveries?since[$gt]=${t}&sessionId[]=${t}&limit=1&limit=2`],
  ] as const)('%s with it (%#)', async (method, pathOf) => expectAnswer(await fixture.call(method, pathOf(text))));

  it('in a body with times', async () => {
    const value = safelyDecoded(text);
    const body = { since: value, until: value };
    expectAnswer(await fixture.call('POST', `${INTEGRATIONS}/${id}/recover`, { body }), [400]);
  });
});

it('a cursor that is nested deep, or none of ours, is refused', async () => {
  const cursors = ['['.repeat(2_000) + ']'.repeat(2_000), '[1e400,"a"]', '[{"$gt":0},{"$gt":""}]', '{"__proto__":[1]}'];
  for (const text of cursors) {
    const cursor = Buffer.from(text).toString('base64url');
    expectAnswer(await fixture.call('GET', `${INTEGRATIONS}/${id}/deliveries?cursor=${cursor}`), [400]);
  }
});

describe('headers', () => {
  it.each([
    ['authorization', 'Bearer __proto__', [401]],
    ['authorization', 'Bearer constructor', [401]],
    ['authorization', `Bearer ${'a'.repeat(8_000)}`, [401]],
    ['authorization', `Bearer${' '.repeat(8_000)}x`, [401]],
    ['authorization', 'Bearer a, Bearer b', [401]],
    ['authorization', `Bearer ${'é'.repeat(10)}`, [401]],
    ['x-request-id', 'a"b<script>', [200]],
    ['x-request-id', 'a'.repeat(8_000), [200]],
    ['x-forwarded-for', '__proto__, 1.1.1.1, '.repeat(300), [200]],
    ['x-forwarded-host', 'evil.example', [200]],
    ['origin', '__proto__', [200]],
    ['accept', '*/*;q='.repeat(1_000), [200]],
    ['traceparent', `00-${'0'.repeat(5_000)}-0-0`, [200]],
  ])('%s: %s', async (name, value, allowed) => {
    const token = name === 'authorization' ? null : TOKENS.admin;
    const answer = await fixture.call('GET', INTEGRATIONS, { token, headers: { [name]: value } });
    expect(allowed).toContain(answer.status);
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w.:-]{1,128}$/);
  });

  it.each(['"__proto__"', '*', `W/"${'1'.repeat(5_000)}"`, '"1e400"', '"\\""', '"-1", "2"'])(
    'if-match: %s',
    async (tag) => {
      const options = { body: integration(), headers: { 'if-match': tag } };
      expectAnswer(await fixture.call('PUT', `${INTEGRATIONS}/${id}`, options), [200, 400, 412]);
    },
  );

  it.each([
    ['a line break in the path', 'GET /health\r\nx-injected: 1 HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a folded header', 'GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\n b\r\nconnection: close\r\n\r\n'],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: a\0b\r\n\r\n'],
    ['two lengths', 'POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\nabcde'],
    [
      'a length and chunks',
      `POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['headers without an end', `GET /health HTTP/1.1\r\nhost: x\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(200)}\r\n`],
  ])('%s is answered 4xx, or harmlessly', async (_what, bytes) => {
    const answer = await raw(bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
    expect(answer.split('\r\n\r\n')[0]).not.toMatch(/x-injected/i);
  });
});

it('after all that, it works, and holds nothing strange', async () => {
  const list = await fixture.call<Shown[]>('GET', INTEGRATIONS);
  expect(list.status).toBe(200);
  for (const one of list.body) {
    expect(one.tenants.every((tenant) => ['t1', 't2', 't3'].includes(tenant))).toBe(true);
    expect(JSON.stringify(one)).not.toMatch(/polluted|x-injected: 1|Bcc/);
    for (const { value } of one.headers) expect(value).toMatch(/^[\x20-\x7e\xa0-\xff]*$/);
  }
});

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Bytes as they stand, which no HTTP client would send. @returns all that comes back */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(fixture.service.url);
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      socket.end();
    });
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer))).on('close', () => resolve(answer));
  });
}
