import { createHmac } from 'node:crypto';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { version } from '../config/version.js';

/** Whole groups of base64, at least one: Buffer.from makes an empty key of a broken one and does not say so. */
const SIGNING_SECRET = /^whsec_(?=.)((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

/** One HTTP header. Values are secrets: never in a log, an error record or a mail. */
export interface WebhookHeader {
  name: string;
  value: string;
}

/**
 * Names that an integration may not set, lower case: they steer the connection (RFC 9110, 7.6.1) or frame the body,
 * and with them a request could be smuggled past a proxy; or they say of the body what is not so. Names that begin with `proxy-` or `webhook-` are reserved too.
 */
export const RESERVED_HEADER_NAMES: readonly string[] = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'expect',
  'content-type',
];
const RESERVED_PREFIXES = ['proxy-', 'webhook-'];

/** True for a header that an integration may not set; the case does not matter. */
export function isReservedHeaderName(name: string): boolean {
  const lower = name.trim().toLowerCase();
  return RESERVED_HEADER_NAMES.includes(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

/** A header or signing secret of an integration cannot be used. The message repeats no value. */
export class WebhookHeadersError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WebhookHeadersError';
  }
}

/** What the headers of one attempt are made of. */
export interface WebhookHeadersInput {
  /** The integration's own headers. Reserved ones are passed over. */
  custom: readonly WebhookHeader[];
  /** The same for every attempt of a delivery: the receiver recognises repetitions by it. */
  webhookId: string;
  /** Time of this attempt. */
  sentAt: Date;
  /** UTF-8 text; the very bytes that are sent. */
  body: Buffer;
  /** `whsec_…`, each signs; empty: no signature. */
  signingSecrets: readonly string[];
}

/**
 * All headers of one attempt: the integration's own, ours (content-type; user-agent where it has none), and those of
 * Standard Webhooks (https://www.standardwebhooks.com).
 *
 * @returns names and values in turn
 * @throws WebhookHeadersError when a name or value cannot be sent (a line break would start a header of its own), or a
 *   secret is no key
 */
export function webhookHeaders({ custom, webhookId, sentAt, body, signingSecrets }: WebhookHeadersInput): string[] {
  const headers: string[] = [];
  const named = new Set<string>();
  for (const { name, value } of custom) {
    if (isReservedHeaderName(name)) continue;
    check(name, value);
    headers.push(name, value);
    named.add(name.toLowerCase());
  }
  headers.push('content-type', 'application/json');
  if (!named.has('user-agent')) headers.push('user-agent', `hbf-session-manager/${version}`);
  check('webhook-id', webhookId);
  const timestamp = String(Math.floor(sentAt.getTime() / 1000));
  headers.push('webhook-id', webhookId, 'webhook-timestamp', timestamp);
  if (signingSecrets.length === 0) return headers;
  const signatures = signingSecrets.map((secret) => sign(keyOf(secret), `${webhookId}.${timestamp}.`, body));
  headers.push('webhook-signature', signatures.join(' '));
  return headers;
}

/**
 * Signs with Node's crypto, not with the library of Standard Webhooks: the library hashes in JavaScript, and a session of
 * 5 MB would block the process for 50 ms per webhook (here: 3 ms). The tests verify our signatures with the library.
 */
function sign(key: Buffer, head: string, body: Buffer): string {
  return `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`;
}

function keyOf(secret: string): Buffer {
  const encoded = SIGNING_SECRET.exec(secret)?.[1];
  // the message must hold no part of the secret
  if (encoded === undefined) throw new WebhookHeadersError('a signing secret of the integration is not valid');
  return Buffer.from(encoded, 'base64');
}

function check(name: string, value: string): void {
  try {
    validateHeaderName(name);
  } catch (error) {
    throw new WebhookHeadersError('a header of the integration has a name that cannot be sent', { cause: error });
  }
  try {
    validateHeaderValue(name, value);
  } catch (error) {
    throw new WebhookHeadersError(`the value of the header "${name}" cannot be sent`, { cause: error });
  }
}
