import { HttpService } from '@nestjs/axios';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { firstValueFrom } from 'rxjs';
import { Config } from '../config/config.js';
import { currentRequestId } from '../tracing/current-request.js';
import { traced, traceHeaders } from '../tracing/tracing.js';
import { MAX_TRIES, pauseMs, RetryTimer } from '../transport/backoff.js';
import { BearerToken } from '../transport/bearer-token.js';
import { NEVER_CANCELLED } from '../transport/never-cancelled.js';
import { keepOnlyAdapter, type UndiciRequest } from '../transport/undici-adapter.js';
import type { Room } from '../transport/room.js';
import { CoreClock } from './core/core-clock.js';
import { type AnswerSize, parseAnswer } from './json-answer.js';
import { PlatformCalls } from './platform-calls.js';
import { isNoRoom, isRetryable, type PlatformError, type PlatformService } from './platform-error.js';
import { asPlatformError, platformError, statusError } from './platform-failure.js';
import { fillRoute } from './route.js';

/** The longest answer that is read, in bytes: lists and sessions with their messages, and everything else. */
export const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;

export interface PlatformRequest {
  service: PlatformService;
  method: 'GET' | 'POST' | 'PATCH';
  /** A template such as `/chat-sessions/{id}`; errors and metrics name it. */
  route: string;
  params?: Readonly<Record<string, string>>;
  /** Undefined ones are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** JSON, already serialised: what is sent is these bytes, of several buffers one after the other. */
  body?: Buffer | string | readonly Buffer[];
  /** Whether sending it twice does no more than sending it once: only then is it tried again. */
  repeatable?: boolean;
  /** Asked before each further try. */
  mayRepeat?: () => boolean;
  /** For one try, from connecting to the last byte; SESSION_SERVICE_REQUEST_TIMEOUT without it. */
  timeoutMs?: number;
  maxAnswerBytes?: number;
  /**
   * Asked before the answer is read and before it is parsed. The call's time runs on while it waits. Where it is refused,
   * or the time is over, the call fails with kind `no-room` and is not tried again.
   */
  room?: Room;
  /** Sent as `Idempotency-Key`: the same for all that must have an effect once. */
  idempotencyKey?: string;
  /** Instead of CORE_TOKEN. */
  token?: string;
}

/** Makes a result of a 2xx. There is a body where one was wanted. */
type Read<T> = (body: Buffer, status: number) => T | Promise<T>;

/**
 * The one policy for calls to the platform's services: a deadline over the whole try, capped answers, and up to three
 * tries where the caller says that repeating is safe. Each try is one `HttpService.request(UndiciRequest)`, so that an
 * interceptor or a mock of HttpService sees all of them. Every failure is a PlatformError.
 */
@Injectable()
export class PlatformHttp implements OnModuleDestroy {
  private readonly baseUrls: Readonly<Record<PlatformService, string>>;
  private readonly coreToken: BearerToken;
  private readonly stopping = new AbortController();

  constructor(
    private readonly http: HttpService,
    private readonly config: Config,
    private readonly calls: PlatformCalls,
    private readonly timer: RetryTimer,
    private readonly coreClock: CoreClock,
  ) {
    keepOnlyAdapter(http.axiosRef?.defaults ?? {}); // a test's mock has none
    setMaxListeners(0, this.stopping.signal); // each call that waits for its next try listens
    this.coreToken = new BearerToken(config.coreToken);
    this.baseUrls = {
      'hbf-core': baseUrlOf(config.coreUrl),
      'hbf-nlp': baseUrlOf(config.nlpUrl),
      'hbf-event-publisher': baseUrlOf(config.eventPublisherUrl),
    };
  }

  /** From here on calls still run, but no failed one is tried again. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /**
   * @param read checks the parsed answer and throws ShapeError where it is not what it must be
   * @throws PlatformError
   */
  json<T>(request: PlatformRequest, read: (answer: unknown, size: AnswerSize) => T): Promise<T> {
    return this.call(request, 'body', async (body) => {
      const { value, size } = await parseAnswer(body, request.room);
      return read(value, size);
    });
  }

  /**
   * For calls of which only the status counts: any 2xx is success, even when the body never ends.
   *
   * @throws PlatformError
   */
  status(request: PlatformRequest): Promise<{ status: number }> {
    return this.call(request, 'status', (_body, status) => ({ status }));
  }

  private async call<T>(request: PlatformRequest, wants: UndiciRequest['wants'], read: Read<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.tracedTry(request, wants, read, tries);
      } catch (error) {
        const again = request.repeatable && tries < MAX_TRIES && isRetryable(error) && !isNoRoom(error);
        const pause = again ? pauseMs(tries, this.timer.random(), (error as PlatformError).retryAfterMs) : undefined;
        if (pause === undefined || !(await this.timer.wait(pause, this.stopping.signal))) throw error;
        if (request.mayRepeat?.() === false) throw error;
      }
    }
  }

  private tracedTry<T>(
    request: PlatformRequest,
    wants: UndiciRequest['wants'],
    read: Read<T>,
    tries: number,
  ): Promise<T> {
    const { service, method, route } = request;
    const attributes = () => ({
      'peer.service': service,
      'http.request.method': method,
      'url.template': route,
      ...(tries > 1 ? { 'http.request.resend_count': tries - 1 } : {}),
    });
    return traced({ name: `${method} ${route}`, client: true, attributes }, () => this.tryOnce(request, wants, read));
  }

  private async tryOnce<T>(request: PlatformRequest, wants: UndiciRequest['wants'], read: Read<T>): Promise<T> {
    const { service, route } = request;
    const started = performance.now();
    try {
      const { status, headers, data } = await firstValueFrom(this.http.request<Buffer>(this.prepare(request, wants)));
      if (status < 200 || status >= 300) throw statusError(request, status, headers);
      // not of other answers: an ingress makes those, too, by its own clock
      if (service === 'hbf-core') this.coreClock.note(headers['date'], headers['age'], performance.now());
      const value = await read(data, status);
      this.calls.onCall({ service, route, outcome: status, durationMs: performance.now() - started });
      return value;
    } catch (error) {
      const failure = asPlatformError(error, request);
      const outcome = failure.kind === 'shape' ? failure.kind : (failure.status ?? failure.kind);
      this.calls.onCall({ service, route, outcome, durationMs: performance.now() - started });
      throw failure;
    }
  }

  private prepare(request: PlatformRequest, wants: UndiciRequest['wants']): UndiciRequest {
    const url = this.baseUrls[request.service] + pathOf(request);
    const bearer = request.token === undefined ? this.coreToken : new BearerToken(request.token);
    if (!bearer.isSendable) throw platformError(request, { kind: 'unauthorized', code: 'impossible_token' });
    return {
      method: request.method,
      url,
      headers: headersOf(request, wants),
      data: request.body,
      timeout: request.timeoutMs ?? this.config.requestTimeoutMs,
      maxContentLength: request.maxAnswerBytes ?? MAX_BYTES,
      wants,
      room: request.room,
      bearer,
      cancelToken: NEVER_CANCELLED,
    };
  }
}

/** Origin and path, without the slash at the end. */
function baseUrlOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === '/' ? origin : origin + pathname;
}

function pathOf(request: PlatformRequest): string {
  const path = fillRoute(request.route, request.params ?? {});
  // an id that no path can hold is an id that the service cannot have
  if (path === undefined) throw platformError(request, { kind: 'not-found', code: 'impossible_id' });
  if (!request.query) return path;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}

function headersOf(request: PlatformRequest, wants: UndiciRequest['wants']): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'hbf-session-manager' };
  if (wants === 'body') {
    headers['accept'] = 'application/json';
    headers['accept-encoding'] = 'identity'; // packing costs both sides more than it saves inside one network
  }
  const requestId = currentRequestId();
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
  return Object.assign(headers, traceHeaders());
}
