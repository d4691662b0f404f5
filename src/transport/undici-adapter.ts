import type {
  AxiosAdapter,
  AxiosDefaults,
  AxiosRequestConfig,
  AxiosRequestHeaders,
  CancelToken,
  RawAxiosResponseHeaders,
} from 'axios';
import type { IncomingHttpHeaders } from 'node:http';
import type { BearerToken } from './bearer-token.js';
import type { Call, Connections } from './connections.js';
import type { Room } from './room.js';

/** A request to HttpService over undici. Whatever else axios knows (params, baseURL, data transforms) is not used. */
export interface UndiciRequest extends AxiosRequestConfig {
  method: 'GET' | 'POST' | 'PATCH';
  /** Absolute, with the query, encoded. */
  url: string;
  /** All but `authorization`: interceptors see them. */
  headers: Record<string, string>;
  /** What is sent are these bytes, of several buffers one after the other. */
  data: Buffer | string | readonly Buffer[] | undefined;
  /** For the whole call, in milliseconds. */
  timeout: number;
  /** Bytes that are read of the answer at most, unpacked. */
  maxContentLength: number;
  wants: Call['wants'];
  /** Asked before the bytes of a body are read. */
  room?: Room;
  bearer: BearerToken;
  /** NEVER_CANCELLED: without a token HttpService makes one of its own for every call. */
  cancelToken: CancelToken;
}

/**
 * What HttpModule is registered with: every request goes over the given connections and resolves with whatever status
 * comes. `data` of the answer is the body of a 2xx as a Buffer, or undefined where only the status is wanted.
 */
export function undiciOptions(connections: Connections): AxiosRequestConfig & { adapter: AxiosAdapter } {
  return { adapter: undiciAdapter(connections) };
}

/**
 * Takes away all defaults of axios but the adapter, in place, as its instances share that object. axios merges all of
 * them into every request, its headers by method among them, and none is used.
 */
export function keepOnlyAdapter(defaults: Partial<AxiosDefaults>): void {
  for (const name of Object.keys(defaults) as (keyof AxiosDefaults)[]) {
    if (name !== 'adapter') delete defaults[name];
  }
}

/** An axios adapter over undici, at a fraction of the cost of axios' own over node:http. */
export function undiciAdapter(connections: Connections): AxiosAdapter {
  return async (config) => {
    const request = config as UndiciRequest & { headers: AxiosRequestHeaders };
    const { data, timeout, maxContentLength, wants, room, bearer } = request;
    const { origin, path } = split(request.url);
    const headers = ['authorization', bearer.authorization(), ...headersOf(request.headers, data !== undefined)];
    const answer = await connections.send({
      origin,
      path,
      method: request.method.toUpperCase(), // axios has made it lower case
      headers,
      body: data,
      timeoutMs: timeout,
      maxAnswerBytes: maxContentLength,
      wants,
      room,
    });
    const answered = asAxiosHeaders(answer.headers, request.headers);
    return { data: answer.body, status: answer.status, statusText: '', headers: answered, config };
  };
}

/** axios would make headers of its own kind of these, one by one: what is of its kind already is passed as it is. */
function asAxiosHeaders(headers: IncomingHttpHeaders, { constructor }: AxiosRequestHeaders): RawAxiosResponseHeaders {
  return Object.assign(new (constructor as new () => RawAxiosResponseHeaders)(), headers);
}

function split(url: string): { origin: string; path: string } {
  const at = url.indexOf('/', url.indexOf('://') + 3);
  return { origin: url.slice(0, at), path: url.slice(at) };
}

/** Names and values in turn. axios names a content type for every POST and PATCH, also where nothing is sent. */
function headersOf(given: AxiosRequestHeaders, hasBody: boolean): string[] {
  const headers: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (!hasBody && name.toLowerCase() === 'content-type') continue;
    headers.push(name, String(value));
  }
  return headers;
}
