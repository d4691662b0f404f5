import { errors } from 'undici';
import { readRetryAfter } from '../transport/retry-after.js';
import { AnswerError, DeadlineError, NoRoomError, TooLongError } from '../transport/transport-errors.js';
import { JsonCostError } from './json-cost.js';
import { kindOfStatus, PlatformError, type PlatformErrorFacts } from './platform-error.js';
import { ShapeError } from './shape.js';

/** Which call failed. */
type FailedCall = Pick<PlatformErrorFacts, 'service' | 'route'>;

export function platformError(
  { service, route }: FailedCall,
  facts: Omit<PlatformErrorFacts, 'service' | 'route'>,
): PlatformError {
  return new PlatformError({ service, route, ...facts });
}

/** @param headers of an answer that is not 2xx */
export function statusError(
  request: FailedCall,
  status: number,
  headers: Readonly<Record<string, unknown>>,
): PlatformError {
  const retryAfterMs = readRetryAfter(headers['retry-after'], Date.now());
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  const token = status === 401 && tellsExpiry(headers['www-authenticate']) ? { tokenExpired: true } : {};
  return platformError(request, { kind: kindOfStatus(status), code: `http_${status}`, status, ...wait, ...token });
}

/** RFC 6750 has no code of its own for it: `Bearer error="invalid_token", error_description="… expired …"`. */
function tellsExpiry(challenge: unknown): boolean {
  return typeof challenge === 'string' && /error="?invalid_token\b.*\bexpired\b/i.test(challenge);
}

/** undici's codes and Node's codes for the same failures; PlatformError has Node's, which operators know. */
const CODES: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
  UND_ERR_HEADERS_OVERFLOW: 'HPE_HEADER_OVERFLOW',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ECONNRESET',
  UND_ERR_CLOSED: 'stopped',
  UND_ERR_DESTROYED: 'stopped',
};

/** An error of axios or of an interceptor may carry the whole request: of any other error only code and message are kept. */
export function asPlatformError(error: unknown, request: FailedCall): PlatformError {
  if (error instanceof PlatformError) return error;
  if (error instanceof ShapeError || error instanceof AnswerError) {
    const code = error instanceof TooLongError ? 'too_long' : 'bad_shape';
    return platformError(request, { kind: 'shape', code, cause: error });
  }
  if (error instanceof JsonCostError) return platformError(request, { kind: 'shape', code: error.code, cause: error });
  if (error instanceof NoRoomError) return platformError(request, { kind: 'no-room', code: 'no_room' });
  if (error instanceof DeadlineError) return platformError(request, deadlineFacts(error));
  const { message } = error as Error;
  const known = codeOf(error as Error);
  const cause = Object.assign(new Error(message), { code: known });
  return platformError(request, { kind: 'unreachable', code: known, cause });
}

/** Whether the service has the call decides what a delivery may do next. */
function deadlineFacts({ sent }: DeadlineError): Pick<PlatformErrorFacts, 'kind' | 'code'> {
  return sent ? { kind: 'timeout', code: 'timeout' } : { kind: 'unreachable', code: 'ETIMEDOUT' };
}

function codeOf(error: Error): string {
  if (error instanceof errors.HTTPParserError) {
    // undici loses the parser's code on the way; its reason is left
    return error.message.includes('(Expected HTTP/') ? 'HPE_INVALID_CONSTANT' : 'response_broken';
  }
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? (CODES[code] ?? code) : 'network_error';
}
