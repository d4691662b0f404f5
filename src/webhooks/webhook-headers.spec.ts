import { Webhook } from 'standardwebhooks';
import { version } from '../config/version.js';
import {
  isReservedHeaderName,
  RESERVED_HEADER_NAMES,
  type WebhookHeader,
  webhookHeaders,
  WebhookHeadersError,
} from './webhook-headers.js';

const FIRST = `whsec_${Buffer.from('first-secret-of-24-bytes').toString('base64')}`;
const SECOND = `whsec_${Buffer.from('second-secret-of-24-byte').toString('base64')}`;
const body = Buffer.from('{"name":"Ωmega"}');

function build(custom: WebhookHeader[] = [], signingSecrets: string[] = [], webhookId = 'session-1'): WebhookHeader[] {
  return pairs(webhookHeaders({ custom, webhookId, sentAt: new Date(), body, signingSecrets }));
}

function pairs(headers: string[]): WebhookHeader[] {
  return headers.flatMap((name, index) => (index % 2 === 0 ? [{ name, value: headers[index + 1]! }] : []));
}

function named(headers: WebhookHeader[]): Record<string, string> {
  return Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value]));
}

describe('webhookHeaders', () => {
  it('sends ours, with id and time even without a secret', () => {
    const headers = webhookHeaders({
      custom: [{ name: 'Authorization', value: 'Bearer x' }],
      webhookId: 'id-1',
      sentAt: new Date(1_700_000_000_999),
      body,
      signingSecrets: [],
    });
    expect(named(pairs(headers))).toEqual({
      authorization: 'Bearer x',
      'content-type': 'application/json',
      'user-agent': `hbf-session-manager/${version}`,
      'webhook-id': 'id-1',
      'webhook-timestamp': '1700000000',
    });
  });

  it('lets an integration replace the user-agent, once, and never the content-type', () => {
    const headers = build([
      { name: 'Content-Type', value: 'text/html' },
      { name: 'USER-AGENT', value: 'acme' },
    ]);
    const names = headers.map(({ name }) => name.toLowerCase());
    expect(names.filter((name) => ['content-type', 'user-agent'].includes(name))).toHaveLength(2);
    expect(named(headers)).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'acme' });
  });

  it('signs with every secret, so that a receiver with either verifies', () => {
    for (const secrets of [[FIRST], [FIRST, SECOND]]) {
      const headers = named(build([], secrets));
      expect(headers['webhook-signature']!.split(' ')).toHaveLength(secrets.length);
      for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual({ name: 'Ωmega' });
    }
    expect(() => new Webhook(SECOND).verify(body, named(build([], [FIRST])))).toThrow();
  });

  it('passes over reserved headers found in the database', () => {
    const planted = ['Host', 'content-length', 'Webhook-Signature', 'Proxy-Authorization', 'TE'];
    const values = build(planted.map((name) => ({ name, value: 'planted' }))).map(({ value }) => value);
    expect(values).not.toContain('planted');
  });

  it.each([
    { name: 'x-a', value: 'a\r\nhost: evil' },
    { name: 'x-a', value: 'a\nb' },
    { name: 'x-a', value: 'a\0b' },
    { name: 'x-a', value: 'snow ☃' },
    { name: 'x a', value: 'planted' },
    { name: 'x-a\r\nhost', value: 'planted' },
    { name: '', value: 'planted' },
  ])('refuses %j and does not repeat its value', (header) => {
    expect(() => build([header])).toThrow(WebhookHeadersError);
    expect(() => build([header])).not.toThrow(/planted|evil|☃/);
  });

  it('refuses an id with a line break, and a secret that is no key', () => {
    expect(() => build([], [], 'a\r\nb')).toThrow(WebhookHeadersError);
    for (const secret of ['', 'whsec_', 'whsec_A', 'whsec_AAAAA', 'whsec_A===', 'whsec_*not base64*'])
      expect(() => build([], [secret])).toThrow(WebhookHeadersError);
  });
});

describe('isReservedHeaderName', () => {
  it('knows the names in any case, and the prefixes', () => {
    for (const name of RESERVED_HEADER_NAMES) expect(isReservedHeaderName(name.toUpperCase())).toBe(true);
    for (const name of ['Webhook-Id', 'webhook-anything', 'Proxy-Connection', ' Host ']) {
      expect(isReservedHeaderName(name)).toBe(true);
    }
    for (const name of ['authorization', 'user-agent', 'x-host', 'x-webhook-id']) {
      expect(isReservedHeaderName(name)).toBe(false);
    }
  });
});
