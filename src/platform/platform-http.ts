import { HttpService } from '@nestjs/axios';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Axios, type AxiosResponse } from 'axios';
import { errors } from 'undici';
import { Config } from '../config/config.js';
import { currentRequestId } from '../tracing/current-request.js';
import { traced, traceHeaders } from '../tracing/tracing.js';
import { parseJson } from './answer-body.js';
import { PlatformCalls } from './platform-calls.js';
import {
  isRetryable,
  kindOfStatus,
  PlatformError,
  type PlatformErrorFacts,
  type PlatformService,
} from './platform-error.js';
import { MAX_TRIES, pauseMs, readRetryAfter, RetryTimer } from './retry-policy.js';
import { fillRoute } from './route.js';
import { ShapeError, TooLongError } from './shape.js';
import { DeadlineError, UndiciAdapter, type Wanted } from './undici-adapter.js';

/** The longest answer that is read, in bytes: lists and sessions with their messages, and everything else. */
export const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;

/** Beside what the lanes may have under way at one service: checks, look-ups, pipelines. */
const OTHER_CONNECTIONS = 64;

export interface PlatformRequest {
  service: PlatformService;
  method: 'GET' | 'POST' | 'PATCH';
  /** A template such as `/chat-sessions/{id}`; what it is called in errors and metrics. */
  route: string;
  params?: Readonly<Record<string, string>>;
  /** Undefined ones are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** JSON, already serialised: what is sent is these bytes. */
  body?: Buffer | string;
  /** Whether sending it twice does no more than sending it once: only then is it tried again. */
  repeatable?: boolean;
  /** For one try, from connecting to the last byte; SESSION_SERVICE_REQUEST_TIMEOUT without it. */
  timeoutMs?: number;
  maxAnswerBytes?: number;
  /** Instead of CORE_TOKEN. */
  token?: string;
}

/**
 * The one policy for calls to the platform's services: a deadline over the whole try, kept-alive connections, no
 * redirects (they would carry the token elsewhere), no proxy, capped answers, and up to three tries where the caller
 * says that repeating is safe. Every failure is a PlatformError.
 */
@Injectable()
export class PlatformHttp implements OnModuleDestroy, OnApplicationShutdown {
  private readonly undici: UndiciAdapter;
  private readonly axios = new Axios({});
  private readonly stopping = new AbortController();

  constructor(
    http: HttpService,
    private readonly config: Config,
    private readonly calls: PlatformCalls,
    private readonly timer: RetryTimer,
  ) {
    const connections = config.deliveryConcurrency + OTHER_CONNECTIONS;
    // HttpService's axios without its defaults: to merge them into a call costs more than the rest of axios. Its
    // interceptors see no headers, and so no token: those are given to the adapter
    this.axios.interceptors = http.axiosRef.interceptors;
    this.undici = new UndiciAdapter({ connections, connectTimeoutMs: config.requestTimeoutMs });
  }

  /** From here on calls still run, but none is tried again. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  onApplicationShutdown(): Promise<void> {
    return this.undici.close();
  }

  /**
   * @param read checks the parsed answer and throws ShapeError where it is not what it must be
   * @throws PlatformError
   */
  json<T>(request: PlatformRequest, read: (answer: unknown) => T): Promise<T> {
    return this.withRetries(request, 'body', ({ data }) => read(parseJson(data as Buffer)));
  }

  /**
   * For calls whose answer says nothing beyond its status: any 2xx is success, even when the body never ends.
   *
   * @throws PlatformError
   */
  status(request: PlatformRequest): Promise<{ status: number }> {
    return this.withRetries(request, 'status', ({ status }) => ({ status }));
  }

  private async withRetries<T>(request: PlatformRequest, wants: Wanted, read: Read<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.tracedTry(request, wants, read, tries);
      } catch (error) {
        const again = request.repeatable && tries < MAX_TRIES && isRetryable(error);
        const pause = again ? pauseMs(tries, this.timer.random(), (error as PlatformError).retryAfterMs) : undefined;
        if (pause === undefined || !(await this.timer.wait(pause, this.stopping.signal))) throw error;
      }
    }
  }

  private tracedTry<T>(request: PlatformRequest, wants: Wanted, read: Read<T>, tries: number): Promise<T> {
    const { service, method, route } = request;
    const attributes = () => ({
      'peer.service': service,
      'http.request.method': method,
      'url.template': route,
      ...(tries > 1 ? { 'http.request.resend_count': tries - 1 } : {}),
    });
    return traced({ name: `${method} ${route}`, client: true, attributes }, () => this.tryOnce(request, wants, read));
  }

  private async tryOnce<T>(request: PlatformRequest, wants: Wanted, read: Read<T>): Promise<T> {
    const { service, route } = request;
    const started = performance.now();
    try {
      const answer = await this.ask(request, wants);
      const value = read(answer);
      this.calls.onCall({ service, route, outcome: answer.status, durationMs: performance.now() - started });
      return value;
    } catch (error) {
      const failure = asPlatformError(error, request);
      const outcome = failure.kind === 'shape' ? failure.kind : (failure.status ?? failure.kind);
      this.calls.onCall({ service, route, outcome, durationMs: performance.now() - started });
      throw failure;
    }
  }

  private async ask(request: PlatformRequest, wants: Wanted): Promise<AxiosResponse<unknown>> {
    const answer = await this.axios.request<unknown>({
      method: request.method,
      url: this.urlOf(request),
      data: request.body,
      adapter: this.undici.sending(this.headersOf(request), wants),
      timeout: request.timeoutMs ?? this.config.requestTimeoutMs,
      maxContentLength: request.maxAnswerBytes ?? MAX_BYTES,
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw statusError(request, answer.status, answer.headers['retry-after']);
  }

  private urlOf(request: PlatformRequest): string {
    const path = fillRoute(request.route, request.params ?? {});
    // an id that no path can hold is an id that the service cannot have
    if (path === undefined) throw platformError(request, { kind: 'not-found', code: 'impossible_id' });
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    return `${this.baseUrlOf(request.service)}${path}${query.size > 0 ? `?${query.toString()}` : ''}`;
  }

  private baseUrlOf(service: PlatformService): string {
    if (service === 'hbf-core') return this.config.coreUrl;
    return service === 'hbf-nlp' ? this.config.nlpUrl : this.config.eventPublisherUrl;
  }

  /** Names and values in turn. */
  private headersOf(request: PlatformRequest): string[] {
    const token = request.token ?? this.config.coreToken;
    // undici refuses control characters with an error of its own, which must not count as "service unreachable"
    if (!/^[\x21-\x7e]+$/.test(token)) throw platformError(request, { kind: 'unauthorized', code: 'impossible_token' });
    const headers = ['authorization', `Bearer ${token}`, 'accept', 'application/json'];
    headers.push('accept-encoding', 'identity'); // packing costs both sides more than it saves inside one network
    headers.push('user-agent', 'hbf-session-manager');
    const requestId = currentRequestId();
    if (requestId !== undefined) headers.push('x-request-id', requestId);
    if (request.body !== undefined) headers.push('content-type', 'application/json');
    for (const [name, value] of Object.entries(traceHeaders())) headers.push(name, value);
    return headers;
  }
}

type Read<T> = (answer: AxiosResponse<unknown>) => T;

function platformError(
  { service, route }: PlatformRequest,
  facts: Omit<PlatformErrorFacts, 'service' | 'route'>,
): PlatformError {
  return new PlatformError({ service, route, ...facts });
}

function statusError(request: PlatformRequest, status: number, retryAfter: unknown): PlatformError {
  const retryAfterMs = readRetryAfter(retryAfter, Date.now());
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return platformError(request, { kind: kindOfStatus(status), code: `http_${status}`, status, ...wait });
}

/** undici's own names for what node names otherwise: whoever reads our codes knows node's. */
const CODES: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
  UND_ERR_HEADERS_OVERFLOW: 'HPE_HEADER_OVERFLOW',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ECONNRESET',
  UND_ERR_CLOSED: 'stopped',
  UND_ERR_DESTROYED: 'stopped',
};

/** An error of the HTTP client may carry the request's headers, the token among them: only code and message are kept. */
function asPlatformError(error: unknown, request: PlatformRequest): PlatformError {
  if (error instanceof PlatformError) return error;
  if (error instanceof ShapeError) {
    const code = error instanceof TooLongError ? 'too_long' : 'bad_shape';
    return platformError(request, { kind: 'shape', code, cause: error });
  }
  if (error instanceof DeadlineError) return platformError(request, { kind: 'timeout', code: 'timeout' });
  const { message } = error as Error;
  const known = codeOf(error as Error);
  const cause = Object.assign(new Error(message), { code: known });
  return platformError(request, { kind: 'unreachable', code: known, cause });
}

function codeOf(error: Error): string {
  if (error instanceof errors.HTTPParserError) {
    // undici loses the parser's code on the way; its reason is left
    return error.message.includes('(Expected HTTP/') ? 'HPE_INVALID_CONSTANT' : 'response_broken';
  }
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? (CODES[code] ?? code) : 'network_error';
}
