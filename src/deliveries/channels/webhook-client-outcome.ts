import type { IncomingHttpHeaders } from 'node:http';
import { errors } from 'undici';
import type { AttemptOutcome } from '../attempt-outcome.js';
import { AddressRefusedError } from './webhook-client-connector.js';
import { DeadlineError, type WebhookAnswer } from './webhook-client-response.js';

type Failure = Extract<AttemptOutcome, { result: 'failed' }>;

/**
 * What an answer means for the delivery. 2xx is delivered; everything else failed. Time can heal all of it (a refused
 * address too: DNS can be mended), except 410, by which a receiver asks to be left alone. Messages name neither
 * addresses, URLs nor anything that the receiver wrote.
 *
 * @param durationMs how long the attempt took
 * @param nowMs epoch milliseconds, to reckon a Retry-After date from
 */
export function outcomeOf(answer: WebhookAnswer, durationMs: number, nowMs: number): AttemptOutcome {
  if ('error' in answer) return unanswered(answer.error, durationMs);
  const { statusCode, headers } = answer;
  const responseSnippet = snippet(answer.body, headers);
  const rest = { statusCode, durationMs, ...(responseSnippet !== undefined && { responseSnippet }) };
  if (statusCode < 300) return { result: 'delivered', ...rest };
  const retryAfterMs = [429, 503].includes(statusCode) ? retryAfter(headers['retry-after'], nowMs) : undefined;
  return {
    result: 'failed',
    code: `http_${statusCode}`,
    message: `the receiver answered ${statusCode}${statusCode < 400 ? '; redirects are not followed' : ''}`,
    retryable: statusCode !== 410,
    ...rest,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** A failure of an attempt that was never begun, because the integration itself is at fault. */
export function refused(code: 'url_refused' | 'headers_refused', message: string, durationMs: number): Failure {
  return { result: 'failed', code, message, durationMs, retryable: false };
}

function unanswered(error: Error, durationMs: number): Failure {
  const code = codeOf(error);
  return { result: 'failed', code, message: messageOf(code, error), durationMs, retryable: true };
}

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
};

function codeOf(error: Error): string {
  if (error instanceof AddressRefusedError) return 'address_refused';
  if (error instanceof DeadlineError) return 'timeout';
  if (error instanceof errors.HTTPParserError) return 'response_broken';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // a name of the library's own says nothing to an administrator
  return CODES[code] ?? (/^(?!UND_)[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'network_error');
}

const MESSAGES: Record<string, string> = {
  timeout: 'the receiver did not answer in time',
  response_broken: 'the answer is not valid HTTP',
  stopped: 'the service stopped during the attempt',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name could not be resolved just now',
  ECONNREFUSED: 'the host refused the connection',
  ECONNRESET: 'the connection was closed before an answer had come',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network of the host cannot be reached',
};

function messageOf(code: string, error: Error): string {
  if (error instanceof AddressRefusedError) return error.message;
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return `the certificate of the host is not trusted (${code})`;
  return MESSAGES[code] ?? `the connection failed (${code})`;
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now; undefined when it is neither. */
export function retryAfter(value: string | string[] | undefined, nowMs: number): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // an HTTP date begins with the day's name; Date.parse alone would take "-5" for one
  const at = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/** The first bytes as text; nothing of a compressed body, which is not unpacked. */
function snippet(body: Buffer, headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding'];
  if (body.length === 0 || (encoding !== undefined && encoding !== 'identity')) return undefined;
  // as a stream, so that a character that was cut in two is left out
  const text = new TextDecoder().decode(body, { stream: true });
  return text.replace(/[^\P{Cc}\n\t]/gu, '�');
}
