/** The platform's services that this one calls. */
export type PlatformService = 'hbf-core' | 'hbf-event-publisher' | 'hbf-nlp';

/**
 * What went wrong with a call:
 * `unreachable` no connection, or no answer (refused, reset, no such host), `timeout` sent, and no whole answer before the
 * deadline,
 * `unauthorized` 401 or 403, `not-found` 404, `busy` 408, 425 or 429, `refused` any other 4xx, `failed` 5xx and
 * redirects (not followed: another host must not get the token), `shape` an answer that this service does not understand
 * or must not take in, `no-room` this service's memory budget had no room for the answer.
 */
export type PlatformErrorKind =
  'unreachable' | 'timeout' | 'unauthorized' | 'not-found' | 'refused' | 'busy' | 'failed' | 'shape' | 'no-room';

export interface PlatformErrorFacts {
  service: PlatformService;
  /** The template, such as `/chat-sessions/{id}`: never with ids or a query. */
  route: string;
  kind: PlatformErrorKind;
  /** Short and machine-readable: `http_503`, `timeout`, `ECONNREFUSED`, `bad_shape`, `too_long`, … */
  code: string;
  /** The HTTP status, when there was an answer. */
  status?: number;
  /** Retry-After, in milliseconds from the answer. */
  retryAfterMs?: number;
  /** Of a 401: the service says that the token was valid once. */
  tokenExpired?: boolean;
  /** Must hold nothing secret. An axios error is none: its config carries the bearer token. */
  cause?: Error;
}

/** A call to one of the platform's services failed. Holds no token, no id, no body. */
export class PlatformError extends Error {
  readonly service: PlatformService;
  readonly route: string;
  readonly kind: PlatformErrorKind;
  readonly code: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly tokenExpired?: boolean;

  constructor({ cause, ...facts }: PlatformErrorFacts) {
    super(`${facts.service} ${facts.route}: ${facts.kind} (${facts.code})`, cause && { cause });
    this.name = 'PlatformError';
    Object.assign(this, facts);
  }
}

const RETRYABLE: ReadonlySet<PlatformErrorKind> = new Set(['unreachable', 'timeout', 'busy', 'failed', 'no-room']);

/** Whether the same call may succeed later. Whether it is safe to repeat is for the caller to know. */
export function isRetryable(error: unknown): boolean {
  return error instanceof PlatformError && RETRYABLE.has(error.kind);
}

/** Longer than is read, needing more memory than is given, nested too deep: the same answer never gets better. */
const TOO_MUCH: ReadonlySet<string> = new Set(['too_long', 'too_costly', 'too_deep']);

/** Whether the answer was too much to be taken in: a page of fewer items, or an item alone, may not be. */
export function isTooMuch(error: unknown): error is PlatformError {
  return error instanceof PlatformError && TOO_MUCH.has(error.code);
}

/** Whether the memory budget had no room: fewer items may find some, or the same ones later or alone. */
export function isNoRoom(error: unknown): error is PlatformError {
  return error instanceof PlatformError && error.kind === 'no-room';
}

/** The kind of failure that an HTTP status outside 2xx stands for. */
export function kindOfStatus(status: number): PlatformErrorKind {
  if (status >= 500 || status < 400) return 'failed';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404) return 'not-found';
  return [408, 425, 429].includes(status) ? 'busy' : 'refused';
}
