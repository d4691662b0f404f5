import { HttpService } from '@nestjs/axios';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { addAbortSignal, type Readable } from 'node:stream';
import { firstValueFrom } from 'rxjs';
import { Config } from '../config/config.js';
import { currentRequestId } from '../tracing/current-request.js';
import { traced, traceHeaders } from '../tracing/tracing.js';
import { discard, readJson } from './answer-body.js';
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

/** The longest answer that is read, in bytes: lists and sessions with their messages, and everything else. */
export const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_DISCARDED_BYTES = 64 * 1024;

/** Enough for every lane at its limit; the lanes, not the agent, hold calls back. */
const SOCKETS = { keepAlive: true, maxSockets: 512, maxFreeSockets: 64 } as const;

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

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Readable;
}

/**
 * The one policy for calls to the platform's services: a deadline over the whole try, kept-alive connections, no
 * redirects (they would carry the token elsewhere), no proxy, capped answers, and up to three tries where the caller
 * says that repeating is safe. Every failure is a PlatformError.
 */
@Injectable()
export class PlatformHttp implements OnModuleDestroy, OnApplicationShutdown {
  private readonly httpAgent = new HttpAgent(SOCKETS);
  private readonly httpsAgent = new HttpsAgent(SOCKETS);
  private readonly stopping = new AbortController();

  constructor(
    private readonly http: HttpService,
    private readonly config: Config,
    private readonly calls: PlatformCalls,
    private readonly timer: RetryTimer,
  ) {}

  /** From here on calls still run, but none is tried again. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  onApplicationShutdown(): void {
    this.httpAgent.destroy();
    this.httpsAgent.destroy();
  }

  /**
   * @param read checks the parsed answer and throws ShapeError where it is not what it must be
   * @throws PlatformError
   */
  json<T>(request: PlatformRequest, read: (answer: unknown) => T): Promise<T> {
    return this.withRetries(request, async (signal) => {
      const answer = await this.ask(request, signal);
      const value = read(await readJson(addAbortSignal(signal, answer.body), request.maxAnswerBytes ?? MAX_BYTES));
      return { status: answer.status, value };
    });
  }

  /**
   * For calls whose answer says nothing beyond its status: any 2xx is success, even when the body never ends.
   *
   * @throws PlatformError
   */
  status(request: PlatformRequest): Promise<{ status: number }> {
    return this.withRetries(request, async (signal) => {
      const { status, body } = await this.ask(request, signal);
      return { status, value: { status }, leftover: discard(addAbortSignal(signal, body), MAX_DISCARDED_BYTES) };
    });
  }

  private async withRetries<T>(request: PlatformRequest, attempt: Attempt<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.tracedTry(request, attempt, tries);
      } catch (error) {
        const again = request.repeatable && tries < MAX_TRIES && isRetryable(error);
        const pause = again ? pauseMs(tries, this.timer.random(), (error as PlatformError).retryAfterMs) : undefined;
        if (pause === undefined || !(await this.timer.wait(pause, this.stopping.signal))) throw error;
      }
    }
  }

  private tracedTry<T>(request: PlatformRequest, attempt: Attempt<T>, tries: number): Promise<T> {
    const { service, method, route } = request;
    const attributes = { 'peer.service': service, 'http.request.method': method, 'url.template': route };
    const resend = tries > 1 ? { 'http.request.resend_count': tries - 1 } : {};
    return traced({ name: `${method} ${route}`, client: true, attributes: { ...attributes, ...resend } }, () =>
      this.tryOnce(request, attempt),
    );
  }

  /** The deadline is ours: axios' own timeout does not end an answer that trickles. */
  private async tryOnce<T>(request: PlatformRequest, attempt: Attempt<T>): Promise<T> {
    const { service, route, timeoutMs = this.config.requestTimeoutMs } = request;
    const started = performance.now();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    let leftover: Promise<void> | undefined;
    try {
      const done = await attempt(deadline.signal);
      leftover = done.leftover;
      this.calls.onCall({ service, route, outcome: done.status, durationMs: performance.now() - started });
      return done.value;
    } catch (error) {
      const failure = asPlatformError(error, request, deadline.signal.aborted);
      const outcome = failure.kind === 'shape' ? failure.kind : (failure.status ?? failure.kind);
      this.calls.onCall({ service, route, outcome, durationMs: performance.now() - started });
      throw failure;
    } finally {
      if (leftover) void leftover.finally(() => clearTimeout(timer));
      else clearTimeout(timer);
    }
  }

  private async ask(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    const { data, ...answer } = await firstValueFrom(
      this.http.request<Readable>({
        method: request.method,
        url: this.urlOf(request),
        headers: this.headersOf(request),
        data: request.body,
        transformRequest: [(body: unknown) => body], // axios would parse and trim JSON text
        responseType: 'stream',
        validateStatus: null,
        maxRedirects: 0,
        proxy: false,
        httpAgent: this.httpAgent,
        httpsAgent: this.httpsAgent,
        signal,
      }),
    );
    if (answer.status >= 200 && answer.status < 300) {
      return { status: answer.status, headers: answer.headers, body: data };
    }
    // nobody reads this body, and a try that has failed must not wait for its end
    const endBody = setTimeout(() => data.destroy(), this.config.requestTimeoutMs);
    void discard(data, MAX_DISCARDED_BYTES).finally(() => clearTimeout(endBody));
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

  private headersOf(request: PlatformRequest): Record<string, string> {
    const token = request.token ?? this.config.coreToken;
    // node refuses control characters with an error of its own, which must not count as "service unreachable"
    if (!/^[\x21-\x7e]+$/.test(token)) throw platformError(request, { kind: 'unauthorized', code: 'impossible_token' });
    const requestId = currentRequestId();
    return {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'user-agent': 'hbf-session-manager',
      ...(requestId !== undefined && { 'x-request-id': requestId }),
      ...traceHeaders(),
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
    };
  }
}

type Attempt<T> = (signal: AbortSignal) => Promise<{ status: number; value: T; leftover?: Promise<void> }>;

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

/** An axios error carries the request's headers, the token among them: only its code and message are kept. */
function asPlatformError(error: unknown, request: PlatformRequest, late: boolean): PlatformError {
  if (error instanceof PlatformError) return error;
  if (error instanceof ShapeError) {
    const code = error instanceof TooLongError ? 'too_long' : 'bad_shape';
    return platformError(request, { kind: 'shape', code, cause: error });
  }
  if (late) return platformError(request, { kind: 'timeout', code: 'timeout' });
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = typeof code === 'string' ? code : 'network_error';
  const cause = Object.assign(new Error(String(message)), { code: known });
  return platformError(request, { kind: 'unreachable', code: known, cause });
}
