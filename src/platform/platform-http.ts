import { HttpService } from '@nestjs/axios';
import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { AxiosStatic } from 'axios';
import { Config } from '../config/config.js';
import { currentRequestId } from '../tracing/current-request.js';
import { isTracing, traced, traceHeaders } from '../tracing/tracing.js';
import { parseJson } from './answer-body.js';
import { type Answer, type Call, Connections } from './connections.js';
import { PlatformCalls } from './platform-calls.js';
import { isRetryable, type PlatformError, type PlatformService } from './platform-error.js';
import { asPlatformError, platformError, statusError } from './platform-failure.js';
import { MAX_TRIES, pauseMs, RetryTimer } from './retry-policy.js';
import { fillRoute } from './route.js';

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
  private readonly connections: Connections;
  private readonly services: Readonly<Record<PlatformService, { origin: string; prefix: string }>>;
  private readonly axios: InstanceType<AxiosStatic['Axios']>;
  private readonly stopping = new AbortController();

  constructor(
    http: HttpService,
    private readonly config: Config,
    private readonly calls: PlatformCalls,
    private readonly timer: RetryTimer,
  ) {
    // HttpService's axios without its defaults: to merge them into a call costs more than the rest of axios. Its class is
    // had from there, too: our own require would load axios once more, as CommonJS
    this.axios = new (http.axiosRef as AxiosStatic).Axios({});
    this.axios.interceptors = http.axiosRef.interceptors;
    const connections = config.deliveryConcurrency + OTHER_CONNECTIONS;
    this.connections = new Connections({ connections, connectTimeoutMs: config.requestTimeoutMs });
    this.services = {
      'hbf-core': addressOf(config.coreUrl),
      'hbf-nlp': addressOf(config.nlpUrl),
      'hbf-event-publisher': addressOf(config.eventPublisherUrl),
    };
  }

  /** From here on calls still run, but none is tried again. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  onApplicationShutdown(): Promise<void> {
    return this.connections.close();
  }

  /**
   * @param read checks the parsed answer and throws ShapeError where it is not what it must be
   * @throws PlatformError
   */
  json<T>(request: PlatformRequest, read: (answer: unknown) => T): Promise<T> {
    return this.call(request, 'body', ({ body }) => read(parseJson(body!)));
  }

  /**
   * For calls whose answer says nothing beyond its status: any 2xx is success, even when the body never ends.
   *
   * @throws PlatformError
   */
  status(request: PlatformRequest): Promise<{ status: number }> {
    return this.call(request, 'status', statusOf);
  }

  private call<T>(request: PlatformRequest, wants: Call['wants'], read: Read<T>): Promise<T> {
    return request.repeatable ? this.withRetries(request, wants, read) : this.tracedTry(request, wants, read, 1);
  }

  private async withRetries<T>(request: PlatformRequest, wants: Call['wants'], read: Read<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.tracedTry(request, wants, read, tries);
      } catch (error) {
        const again = tries < MAX_TRIES && isRetryable(error);
        const pause = again ? pauseMs(tries, this.timer.random(), (error as PlatformError).retryAfterMs) : undefined;
        if (pause === undefined || !(await this.timer.wait(pause, this.stopping.signal))) throw error;
      }
    }
  }

  private tracedTry<T>(request: PlatformRequest, wants: Call['wants'], read: Read<T>, tries: number): Promise<T> {
    if (!isTracing()) return this.tryOnce(request, wants, read);
    const { service, method, route } = request;
    const attributes = () => ({
      'peer.service': service,
      'http.request.method': method,
      'url.template': route,
      ...(tries > 1 ? { 'http.request.resend_count': tries - 1 } : {}),
    });
    return traced({ name: `${method} ${route}`, client: true, attributes }, () => this.tryOnce(request, wants, read));
  }

  private async tryOnce<T>(request: PlatformRequest, wants: Call['wants'], read: Read<T>): Promise<T> {
    const { service, route } = request;
    const started = performance.now();
    try {
      const call = this.callOf(request, wants);
      const answer = await (wants === 'body' ? this.overAxios(call) : this.connections.send(call));
      if (answer.status < 200 || answer.status >= 300) throw statusError(request, answer);
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

  /**
   * HttpService's interceptors see which call was made, but not its headers, and so no token. Calls of which only the
   * status counts do without axios: it would cost as much as all the rest of them.
   */
  private async overAxios(call: Call): Promise<Answer> {
    const { data } = await this.axios.request<Answer>({
      method: call.method,
      url: call.origin + call.path,
      adapter: async (config) => {
        const answer = await this.connections.send(call);
        return { data: answer, status: answer.status, statusText: '', headers: {}, config };
      },
    });
    return data;
  }

  private callOf(request: PlatformRequest, wants: Call['wants']): Call {
    const { origin, prefix } = this.services[request.service];
    return {
      origin,
      path: `${prefix}${this.pathOf(request)}`,
      method: request.method,
      headers: this.headersOf(request, wants),
      body: request.body,
      timeoutMs: request.timeoutMs ?? this.config.requestTimeoutMs,
      maxAnswerBytes: request.maxAnswerBytes ?? MAX_BYTES,
      wants,
    };
  }

  private pathOf(request: PlatformRequest): string {
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

  /** Names and values in turn. */
  private headersOf(request: PlatformRequest, wants: Call['wants']): string[] {
    const token = request.token ?? this.config.coreToken;
    // undici refuses control characters with an error of its own, which must not count as "service unreachable"
    if (!/^[\x21-\x7e]+$/.test(token)) throw platformError(request, { kind: 'unauthorized', code: 'impossible_token' });
    const headers = ['authorization', `Bearer ${token}`, 'user-agent', 'hbf-session-manager'];
    // packing costs both sides more than it saves inside one network
    if (wants === 'body') headers.push('accept', 'application/json', 'accept-encoding', 'identity');
    const requestId = currentRequestId();
    if (requestId !== undefined) headers.push('x-request-id', requestId);
    if (request.body !== undefined) headers.push('content-type', 'application/json');
    for (const [name, value] of Object.entries(traceHeaders())) headers.push(name, value);
    return headers;
  }
}

function addressOf(url: string): { origin: string; prefix: string } {
  const { origin, pathname } = new URL(url);
  return { origin, prefix: pathname === '/' ? '' : pathname };
}

type Read<T> = (answer: Answer) => T;

const statusOf: Read<{ status: number }> = ({ status }) => ({ status });
