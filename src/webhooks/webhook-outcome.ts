import type { IncomingHttpHeaders } from 'node:http';
import { errors } from 'undici';
import type { Answer } from '../transport/answer-reader.js';
import { readRetryAfter } from '../transport/retry-after.js';
import { DeadlineError } from '../transport/transport-errors.js';
import { AddressRefusedError } from './webhook-connector.js';

/** What a receiver answered, the first bytes of the body among it; or the error that came before a status. */
export type WebhookAnswer = Answer | { error: Error };

/** What came of one attempt. A refusal by the receiver is a result, not an exception. */
export type WebhookOutcome = WebhookDelivered | WebhookFailed;

export interface WebhookDelivered {
  result: 'delivered';
  statusCode: number;
  durationMs: number;
  /** The beginning of the receiver's answer, as text. */
  responseSnippet?: string;
}

export interface WebhookFailed {
  result: 'failed';
  /** HTTP status, when there was an answer. */
  statusCode?: number;
  /** A short machine-readable reason: `http_503`, `timeout`, `ECONNREFUSED`, `no_public_address`, … */
  code: string;
  /** For people: no payload, no header value, no address. */
  message: string;
  durationMs: number;
  /** False: trying again cannot help. */
  retryable: boolean;
  /** The receiver's Retry-After, in milliseconds from now. */
  retryAfterMs?: number;
  responseSnippet?: string;
}

/**
 * What an answer means for the delivery. 2xx is delivered; everything else failed. A later attempt may succeed after any
 * of it (after a refused address too: DNS can be mended), except after 410, by which a receiver asks for no more.
 * Messages name neither addresses, URLs nor anything that the receiver wrote.
 *
 * @param nowMs epoch milliseconds, from which the wait until a Retry-After date is computed
 */
export function outcomeOf(answer: WebhookAnswer, durationMs: number, nowMs: number): WebhookOutcome {
  if ('error' in answer) return unanswered(answer.error, durationMs);
  const { status: statusCode, headers } = answer;
  const responseSnippet = snippet(answer.body, headers);
  if (statusCode < 300) return { result: 'delivered', statusCode, durationMs, responseSnippet };
  const retryAfterMs = [429, 503].includes(statusCode) ? readRetryAfter(headers['retry-after'], nowMs) : undefined;
  return {
    result: 'failed',
    code: `http_${statusCode}`,
    message: `the receiver answered ${statusCode}${statusCode < 400 ? '; redirects are not followed' : ''}`,
    retryable: statusCode !== 410,
    statusCode,
    durationMs,
    responseSnippet,
    retryAfterMs,
  };
}

/** A failure of an attempt that was never begun, because the integration itself is at fault. */
export function refused(code: 'url_refused' | 'headers_refused', message: string, durationMs: number): WebhookFailed {
  return { result: 'failed', code, message, durationMs, retryable: false };
}

function unanswered(error: Error, durationMs: number): WebhookFailed {
  const code = codeOf(error);
  return { result: 'failed', code, message: messageOf(code), durationMs, retryable: true };
}

const NO_PUBLIC_ADDRESS = 'no_public_address';

const CODES: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_SOCKET: 'ECONNRESET',
  EPIPE: 'ECONNRESET',
  UND_ERR_HEADERS_OVERFLOW: 'response_broken',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'response_broken',
  UND_ERR_DESTROYED: 'stopped',
  UND_ERR_CLOSED: 'stopped',
  // Told apart, an administrator could try which names exist inside our network: those would be refused, others unknown.
  ENOTFOUND: NO_PUBLIC_ADDRESS,
  EAI_AGAIN: NO_PUBLIC_ADDRESS,
  EAI_FAIL: NO_PUBLIC_ADDRESS,
  EAI_NODATA: NO_PUBLIC_ADDRESS,
  EAI_NONAME: NO_PUBLIC_ADDRESS,
  ENODATA: NO_PUBLIC_ADDRESS,
  ESERVFAIL: NO_PUBLIC_ADDRESS,
};

function codeOf(error: Error): string {
  if (error instanceof AddressRefusedError) return NO_PUBLIC_ADDRESS;
  if (error instanceof DeadlineError) return 'timeout';
  if (error instanceof errors.HTTPParserError) return 'response_broken';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // a code of undici's own says nothing to an administrator
  return CODES[code] ?? (/^(?!UND_)[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'network_error');
}

const MESSAGES: Record<string, string> = {
  timeout: 'the receiver did not answer in time',
  response_broken: 'the answer is not valid HTTP',
  stopped: 'the service stopped during the attempt',
  [NO_PUBLIC_ADDRESS]: 'the host name resolves to no public address',
  ECONNREFUSED: 'the host refused the connection',
  ECONNRESET: 'the connection was closed before an answer had come',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network of the host cannot be reached',
};

function messageOf(code: string): string {
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return `the certificate of the host is not trusted (${code})`;
  return MESSAGES[code] ?? `the connection failed (${code})`;
}

/** The first bytes as text; nothing of a compressed body, which is not unpacked. */
function snippet(body: Buffer | undefined, headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding'];
  if (!body?.length || (encoding !== undefined && encoding !== 'identity')) return undefined;
  // as a stream, so that a character that was cut in two is left out
  const text = new TextDecoder().decode(body, { stream: true });
  return text.replace(/[^\P{Cc}\n\t]/gu, '�');
}
