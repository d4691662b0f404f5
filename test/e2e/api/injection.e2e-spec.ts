import { connect } from 'node:net';
import { expectAnswer, expectNoPollution, expectSoundIntegrations, INTEGRATIONS, ORG } from '../fixtures/injection.js';
import { integration, IntegrationsFixture, TOKENS } from '../fixtures/integrations.js';

let fixture: IntegrationsFixture;
let id: number;

jest.setTimeout(30_000); // what takes its reader too long fails here

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('injection', { SESSION_SERVICE_REQUEST_TIMEOUT: '20000' });
  ({ id } = await fixture.create());
});
afterAll(async () => {
  expect(fixture.platform.violations).toEqual([]);
  await fixture.stop();
});
afterEach(expectNoPollution);

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
    expectAnswer(await fixture.call('POST', `${INTEGRATIONS}/${id}/redeliveries`, { body }), [400]);
  });
});

it('a cursor that is deeply nested, or not from the service, is refused', async () => {
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

it('the service works after all of these requests, and its database holds nothing of them', () =>
  expectSoundIntegrations(fixture));

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
