import { cidrs } from '../config/value-types.js';
import { addressRefusal, urlRefusal } from './address-filter.js';

const NOTHING = cidrs.parse('');
const STRICT = { allowHttp: false, allowedCidrs: NOTHING, allowedPorts: [] };

describe('addressRefusal', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8'])(
    'lets the public address %s pass',
    (address) => expect(addressRefusal(address, NOTHING)).toBeUndefined(),
  );

  it.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '127.9.9.9'],
    ...['169.254.169.254', '100.64.0.1', '192.0.0.8', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.7'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.88.99.1'],
    ...['::', '::1', '::8.8.8.8', '::ffff:10.0.0.1', '::ffff:7f00:1', '::ffff:0:8.8.8.8', 'fe80::1', 'fe80::1%eth0'],
    ...['fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '2002:7f00:1::'],
    ...['2001::1', '2001:db8::1', '2001:10::1', '3fff::1', '100::1', '4000::1', '5f00::1', 'e000::1'],
    ...['', 'example.org', '1.2.3.4.5'],
  ])('refuses %p without telling it', (address) => {
    expect(addressRefusal(address, NOTHING)).toBe('the host resolves to an address that is not public');
  });

  it('lets an allowed range pass, and nothing beside it', () => {
    const allowed = cidrs.parse('10.20.0.0/16, fd00:1::/32');
    for (const address of ['10.20.3.4', '::ffff:10.20.3.4', 'fd00:1::5']) {
      expect(addressRefusal(address, allowed)).toBeUndefined();
    }
    for (const address of ['10.21.0.1', '127.0.0.1', 'fd00:2::5'])
      expect(addressRefusal(address, allowed)).toBeDefined();
  });
});

describe('urlRefusal', () => {
  it.each([
    'https://example.org/hook?key=1',
    'https://8.8.8.8:8443/',
    'https://[2606:4700::1111]/',
    'https://dead.beef/',
  ])('lets %s pass', (url) => expect(urlRefusal(url, STRICT)).toBeUndefined());

  it.each([
    ...[
      '',
      'example.org',
      '/path',
      'https://',
      'ftp://example.org/',
      'file:///etc/passwd',
      'javascript:1',
      'http://a.org/',
    ],
    ...['https://user:pass@example.org/', 'https://user@example.org/'],
    ...[
      'https://localhost/',
      'https://LOCALHOST./',
      'https://api.localhost:8443/',
      'https://127.0.0.1/',
      'https://127.1/',
    ],
    ...['https://2130706433/', 'https://0x7f.0.0.1/', 'https://0177.0.0.1/', 'https://127.0.0.1./', 'https://0/'],
    ...[
      'https://169.254.169.254/latest/meta-data',
      'https://１２７.0.0.1/',
      'https://[::1]/',
      'https://[::ffff:7f00:1]/',
    ],
    ...['https://[fd00::1]/', 'https://[64:ff9b::a00:1]/'],
    ...['https://h.org/\r\nx: 1', 'https://h\t.org/', 'https://h.org/\0', 'https://h.org/\x7f', 'https://h.org/\ud800'],
  ])('refuses %p', (url) => expect(urlRefusal(url, STRICT)).toEqual(expect.any(String)));

  it('allows http and local hosts where the operator does', () => {
    const rules = { allowHttp: true, allowedCidrs: cidrs.parse('127.0.0.0/8'), allowedPorts: [] };
    for (const url of ['http://localhost:3000/', 'http://127.0.0.1/', 'https://2130706433/']) {
      expect(urlRefusal(url, rules)).toBeUndefined();
    }
    expect(urlRefusal('http://10.0.0.1/', rules)).toBe('the host of the URL is not public');
  });

  it('holds to the ports that the operator names, the default of the scheme among them', () => {
    const rules = { ...STRICT, allowHttp: true, allowedPorts: [443, 8443] };
    for (const url of ['https://h.org/', 'https://h.org:443/', 'https://h.org:8443/', 'http://h.org:443/']) {
      expect(urlRefusal(url, rules)).toBeUndefined();
    }
    for (const url of ['http://h.org/', 'https://h.org:22/', 'https://h.org:80/', 'https://h.org:0/']) {
      expect(urlRefusal(url, rules)).toBe('the port of the URL is not allowed');
    }
  });

  it('repeats nothing of the URL', () => {
    for (const url of ['http://h.org/?s3cret', 'https://s3cret:x@h.org/', 'https://10.0.0.1/?s3cret', 's3cret']) {
      expect(urlRefusal(url, STRICT)).toEqual(expect.not.stringMatching(/s3cret|10\.0/));
    }
  });
});
