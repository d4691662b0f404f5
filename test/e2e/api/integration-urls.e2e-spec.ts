import { integration, IntegrationsFixture, type Shown } from '../fixtures/integrations.js';

const PATH = '/organizations/org1/integrations';
const NOT_PUBLIC = 'url: the host of the URL is not public';
const NO_PORT = 'url: the port of the URL is not allowed';
const NO_CREDENTIALS = 'url: the URL must not hold credentials';
const NO_CONTROL = 'url: the URL must not hold control characters';
const NO_HTTPS = 'url: the URL must begin with https://';

let fixture: IntegrationsFixture;
let id: number;

beforeAll(async () => {
  fixture = await IntegrationsFixture.start('ssrf-rest', {
    WEBHOOK_ALLOW_HTTP: 'false',
    WEBHOOK_ALLOWED_PRIVATE_CIDRS: '',
    WEBHOOK_ALLOWED_PORTS: '443,8443',
    SESSION_SERVICE_REQUEST_TIMEOUT: '20000',
  });
  ({ id } = await fixture.create());
});
afterAll(async () => {
  expect(fixture.platform.violations).toEqual([]);
  await fixture.stop();
});

/** Where nobody outside may send our requests, in every way that URLs can write it. */
const HOSTS: Record<string, string[]> = {
  'this host': ['0.0.0.0', '0', '0.0', '00.00.00.00', '[::]', '0x0'],
  loopback: ['127.0.0.1', '127.1', '127.255.255.254', 'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', '[::1]'],
  'private networks': ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'link-local': ['169.254.0.1', '169.254.169.254', '[fe80::1]', '[fe80::a9fe:a9fe]'],
  'metadata services': ['169.254.169.254', '169.254.170.2', '100.100.100.200', '[fd00:ec2::254]', '192.0.0.192'],
  CGNAT: ['100.64.0.1', '100.127.255.254'],
  'reserved and documentation': ['192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1', '224.0.0.1'],
  broadcast: ['255.255.255.255', '0xffffffff', '4294967295'],
  decimal: ['2130706433', '167772161', '2852039166', '3232235521'],
  octal: ['0177.0.0.1', '012.0.0.1', '0251.0376.0251.0376', '0300.0250.0.1', '017700000001'],
  hexadecimal: ['0x7f.0.0.1', '0x7f000001', '0xa000001', '0xA9.0xFE.0xA9.0xFE', '0xa9fea9fe'],
  mixed: ['0x7f.1', '127.0x1', '10.0x1.01', '169.0376.43518', '192.168.1'],
  'other digits': ['１２７.0.0.1', '①②⑦.0.0.1', '127。0。0。1', '169｡254｡169｡254', '%31%32%37.0.0.1', '%6cocalhost'],
  'unique local IPv6': ['[fc00::1]', '[fd12:3456:789a::1]', '[fec0::1]'],
  'IPv4 in IPv6': ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[::127.0.0.1]', '[::a00:1]'],
  NAT64: ['[64:ff9b::7f00:1]', '[64:ff9b::169.254.169.254]', '[64:ff9b:1::a00:1]'],
  '6to4 and Teredo': ['[2002:7f00:1::]', '[2002:a9fe:a9fe::1]', '[2001:0:7f00:1::]', '[2001::1]'],
  'IPv6 multicast and documentation': ['[ff02::1]', '[2001:db8::1]', '[3fff::1]', '[100::1]'],
};

const hosts = Object.entries(HOSTS).flatMap(([kind, names]) => names.map((name) => [kind, name] as const));

describe.each(['POST', 'PUT'])('the URL of an integration (%s)', (method) => {
  const write = (url: string) =>
    fixture.call(method, method === 'POST' ? PATH : `${PATH}/${id}`, { body: integration({ url }) });

  it.each(hosts)('may not lead to %s: %s', async (_kind, host) => {
    const { status, body } = await write(`https://${host}/latest/meta-data?PLANTED-query`);
    expect([status, body.message]).toEqual([400, [NOT_PUBLIC]]);
  });

  it.each([
    ['https://user:PLANTED@hooks.example.com/', NO_CREDENTIALS],
    ['https://PLANTED@hooks.example.com/', NO_CREDENTIALS],
    ['https://:PLANTED@hooks.example.com/', NO_CREDENTIALS],
    ['https://hooks.example.com@169.254.169.254/', NO_CREDENTIALS],
    ['https://hooks.example.com:22/', NO_PORT],
    ['https://hooks.example.com:80/', NO_PORT],
    ['https://hooks.example.com:6379/PLANTED', NO_PORT],
    ['https://hooks.example.com:27017/', NO_PORT],
    ['https://hooks.example.com:0/', NO_PORT],
    ['http://hooks.example.com/', NO_HTTPS],
    ['file:///etc/passwd', NO_HTTPS],
    ['gopher://hooks.example.com:443/_PLANTED', NO_HTTPS],
    ['data:text/plain,PLANTED', NO_HTTPS],
    ['https://169.254.169.254\\@hooks.example.com/', NOT_PUBLIC],
    ['https://hooks.example.com\\@169.254.169.254/', undefined],
    ['https:169.254.169.254/', NOT_PUBLIC],
    ['https:///169.254.169.254/', NOT_PUBLIC],
    [' https://127.0.0.1/', NOT_PUBLIC],
    ['https://127.0.0.1#@hooks.example.com/', NOT_PUBLIC],
    ['https://127.0.0.1?@hooks.example.com/', NOT_PUBLIC],
    ['ht\ttps://12\n7.0.0.1/', NO_CONTROL],
    ['https://hooks.example.com/\r\nx-injected: 1', NO_CONTROL],
    ['https://hooks.example.com/\0', NO_CONTROL],
    ['//169.254.169.254/', 'url: the URL is not absolute'],
    ['https://[::1/', 'url: the URL is not absolute'],
    ['https://127.0.0.1%00.example.com/', 'url: the URL is not absolute'],
    ['https://999.0.0.1/', 'url: the URL is not absolute'],
  ])('%j', async (url, expected) => {
    const { status, body, text } = await write(url);
    // a backslash is a slash: the host stands before it, and it is the one that is judged
    if (expected === undefined) return expect(status).toBe(method === 'POST' ? 201 : 200);
    expect([status, body.message]).toEqual([400, [expected]]);
    expect(text).not.toMatch(/PLANTED|etc\/passwd/);
  });

  it.each(['https://hooks.example.com/', 'https://hooks.example.com:8443/x', 'https://8.8.8.8/'])(
    'may be %s',
    async (url) => expect((await write(url)).status).toBe(method === 'POST' ? 201 : 200),
  );
});

it('the database holds allowed URLs only', async () => {
  const { body } = await fixture.call<Shown[]>('GET', PATH);
  expect(body.length).toBeGreaterThan(1);
  for (const { url } of body) expect(new URL(url).hostname).toMatch(/^(hooks\.example\.com|8\.8\.8\.8)$/);
});
