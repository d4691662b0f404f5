import { expectAnswer, expectNoPollution, expectSoundIntegrations, INTEGRATIONS } from '../fixtures/injection.js';
import { integration, IntegrationsFixture } from '../fixtures/integrations.js';

let fixture: IntegrationsFixture;
let id: number;

jest.setTimeout(30_000); // what takes its reader too long fails here

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('injection-in-bodies', { SESSION_SERVICE_REQUEST_TIMEOUT: '20000' });
  ({ id } = await fixture.create());
});
afterAll(async () => {
  expect(fixture.platform.violations).toEqual([]);
  await fixture.stop();
});
afterEach(expectNoPollution);

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

  it.each(SLOW_TO_MATCH)('is judged quickly (%#)', async (changes) =>
    expectAnswer(await send(integration(changes)), [200, 201, 400, 413]),
  );

  it.each(STRANGE_VALUES)('is refused or harmless with %j', async (changes) =>
    expectAnswer(await send(integration(changes)), [200, 201, 400]),
  );

  it.each(HUGE)('with the number %s', async (number) => {
    for (const name of ['url', 'enabled', 'tenants', 'version']) {
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
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, '__proto__[polluted]=1', [415]],
    ['parts', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', [415]],
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

it('the service works after all of these requests, and its database holds nothing of them', () =>
  expectSoundIntegrations(fixture));
