import { Test, type TestingModule } from '@nestjs/testing';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { NOWHERE } from '../../test/support/ports.js';
import { Config } from '../config/config.js';
import { ConfigModule } from '../config/config.module.js';
import { RetryTimer } from '../transport/backoff.js';
import { CoreClock } from './core/core-clock.js';
import { type PlatformCall, PlatformCalls } from './platform-calls.js';
import { isRetryable, PlatformError } from './platform-error.js';
import { PlatformHttp, type PlatformRequest } from './platform-http.js';
import { PlatformModule } from './platform.module.js';
import { nonEmptyString, object } from './shape.js';

const TOKEN = 'planted-core-token';
const GET: PlatformRequest = { service: 'hbf-core', method: 'GET', route: '/things/{id}', params: { id: 'thing-1' } };
const POST: PlatformRequest = { ...GET, method: 'POST', body: '{"a" : 1} ' };
const readName = (answer: unknown): string => nonEmptyString(object(answer, 'thing')['name'], 'thing.name');

/** Time that passes at once; keeps what it was asked to wait. */
class FakeTimer implements RetryTimer {
  readonly waits: number[] = [];
  random = () => 1;
  wait = (ms: number, signal: AbortSignal) => Promise.resolve(!signal.aborted && this.waits.push(ms) > 0);
}

interface Seen {
  method?: string;
  url?: string;
  headers: IncomingMessage['headers'];
  body: string;
}

describe('PlatformHttp', () => {
  let server: Server;
  let url: string;
  let answer: (response: ServerResponse, nth: number) => void;
  let seen: Seen[];
  let sockets: Socket[];
  let calls: PlatformCall[];
  let timer: FakeTimer;
  let http: PlatformHttp;
  let modules: TestingModule[];

  async function build(baseUrl: string, timeoutMs = 10_000): Promise<PlatformHttp> {
    const config = Config.fromEnvironment({
      CORE_URL: `${baseUrl}/core`,
      CORE_TOKEN: TOKEN,
      EVENT_PUBLISHER_URL: `${baseUrl}/publisher`,
      NLP_URL: `${baseUrl}/nlp`,
      SESSION_SERVICE_REQUEST_TIMEOUT: String(timeoutMs),
    });
    const built = await Test.createTestingModule({ imports: [ConfigModule.for(config), PlatformModule] })
      .overrideProvider(RetryTimer)
      .useValue(timer)
      .compile();
    modules.push(built);
    built.get(PlatformCalls).listen((call) => calls.push(call));
    return built.get(PlatformHttp);
  }

  beforeEach(async () => {
    [seen, sockets, calls, timer, modules] = [[], [], [], new FakeTimer(), []];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { method, url: path, headers } = request;
        answer(response, seen.push({ method, url: path, headers, body }));
      });
    });
    server.on('connection', (socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    http = await build(url);
  });

  afterEach(async () => {
    for (const built of modules) await built.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  const json =
    (value: unknown, status = 200) =>
    (response: ServerResponse) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const failureOf = async (call: Promise<unknown>): Promise<PlatformError> => {
    const error: unknown = await call.then(() => undefined).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PlatformError);
    return error as PlatformError;
  };

  it('asks the right service with the token, and reads its answer', async () => {
    answer = json({ name: 'Ada' });
    const query = { page: 0, flag: true, skipped: undefined, text: 'a&b' };
    expect(await http.json({ ...GET, params: { id: 'a/b' }, query }, readName)).toBe('Ada');
    await http.json({ ...GET, service: 'hbf-nlp', token: 'other' }, readName);
    await http.json({ ...GET, service: 'hbf-event-publisher' }, readName);
    expect(seen.map((one) => one.url)).toEqual([
      '/core/things/a%2Fb?page=0&flag=true&text=a%26b',
      '/nlp/things/thing-1',
      '/publisher/things/thing-1',
    ]);
    expect(seen.map((one) => one.headers.authorization)).toEqual([
      `Bearer ${TOKEN}`,
      'Bearer other',
      `Bearer ${TOKEN}`,
    ]);
    expect(calls[0]).toEqual({
      service: 'hbf-core',
      route: '/things/{id}',
      outcome: 200,
      durationMs: expect.any(Number) as number,
    });
  });

  it.each(['{"a" : 1} ', Buffer.from('{"a" : 1} ')])('sends exactly the bytes it was given (%p)', async (body) => {
    answer = (response) => void response.writeHead(204).end();
    expect(await http.status({ ...POST, body })).toEqual({ status: 204 });
    expect(seen[0]).toMatchObject({ method: 'POST', body: '{"a" : 1} ' });
    expect(seen[0]!.headers['content-type']).toBe('application/json');
  });

  it.each<[string, Partial<PlatformRequest>, Record<string, string>, boolean, number?]>([
    ['an answer of hbf-core', {}, {}, true],
    ['an answer that a cache kept', {}, { age: '0' }, false],
    ['an answer without Date', {}, { date: '' }, false],
    ['an error, which an ingress may have made', {}, {}, false, 404],
    ['an answer of another service', { service: 'hbf-nlp' }, {}, false],
  ])("notes hbf-core's time, for %s", async (_, more, headers, noted, status = 200) => {
    const date = 'Fri, 20 Nov 2026 12:00:00 GMT';
    answer = (response) => void response.writeHead(status, { date, ...headers }).end('{"name":"Ada"}');
    await http.json({ ...GET, ...more }, readName).catch(() => undefined);
    const told = modules[0]!.get(CoreClock).now();
    expect(told !== undefined).toBe(noted);
    if (told !== undefined) expect(Math.abs(told - Date.parse(date))).toBeLessThan(60_000);
  });

  it('ends an answer that trickles at the deadline', async () => {
    let trickle: NodeJS.Timeout | undefined;
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      trickle = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(trickle));
    };
    http = await build(url, 60);
    const error = await failureOf(http.json(GET, readName));
    expect(error).toMatchObject({ kind: 'timeout', code: 'timeout', service: 'hbf-core', route: '/things/{id}' });
    expect(calls[0]!.outcome).toBe('timeout');
  });

  it('ends a wait for headers at the deadline', async () => {
    answer = () => undefined;
    http = await build(url, 60);
    expect((await failureOf(http.status(POST))).kind).toBe('timeout');
  });

  it('takes a 2xx for success although its body never ends, and lets go of the connection', async () => {
    let closed: Promise<void> | undefined;
    answer = (response) => {
      closed = new Promise((resolve) => response.once('close', resolve));
      response.writeHead(200).write('x');
    };
    http = await build(url, 60);
    expect(await http.status(POST)).toEqual({ status: 200 });
    await closed;
  });

  it('takes a 2xx for success although its body is longer than is worth reading', async () => {
    answer = (response) => void response.writeHead(200).end('x'.repeat(2_000_000));
    expect(await http.status(POST)).toEqual({ status: 200 });
  });

  it.each([
    [401, 'unauthorized', false],
    [403, 'unauthorized', false],
    [404, 'not-found', false],
    [400, 'refused', false],
    [409, 'refused', false],
    [302, 'failed', true],
    [408, 'busy', true],
    [425, 'busy', true],
    [429, 'busy', true],
    [500, 'failed', true],
    [503, 'failed', true],
  ])('reads status %i as %s', async (status, kind, retryable) => {
    answer = json({ message: `no, ${TOKEN}` }, status);
    const error = await failureOf(http.json(GET, readName));
    expect(error).toMatchObject({ kind, status, code: `http_${status}` });
    expect(isRetryable(error)).toBe(retryable);
    expect(calls.map((call) => call.outcome)).toEqual([status]);
  });

  it('keeps the time that 429 asks for', async () => {
    answer = (response) => void response.writeHead(429, { 'retry-after': '120' }).end();
    expect(await failureOf(http.json({ ...GET, repeatable: true }, readName))).toMatchObject({ retryAfterMs: 120_000 });
    expect(seen).toHaveLength(1); // longer than a call should wait
  });

  it('does not follow redirects', async () => {
    answer = (response) => void response.writeHead(307, { location: `${url}/elsewhere` }).end();
    await failureOf(http.json({ ...GET, repeatable: true }, readName));
    expect(new Set(seen.map((one) => one.url))).toEqual(new Set(['/core/things/thing-1']));
  });

  it('tries three times, with growing pauses, what is safe to repeat', async () => {
    answer = json({}, 503);
    expect((await failureOf(http.json({ ...GET, repeatable: true }, readName))).status).toBe(503);
    expect(seen).toHaveLength(3);
    expect(timer.waits).toEqual([250, 500]);
  });

  it('succeeds when a later try succeeds', async () => {
    answer = (response, nth) => (nth < 3 ? response.socket?.destroy() : json({ name: 'Ada' })(response));
    expect(await http.json({ ...GET, repeatable: true }, readName)).toBe('Ada');
    expect(calls.map((call) => call.outcome)).toEqual(['unreachable', 'unreachable', 200]);
  });

  it('waits as long as Retry-After says before it tries again', async () => {
    answer = (response, nth) =>
      nth === 1 ? void response.writeHead(429, { 'retry-after': '2' }).end() : json({ name: 'Ada' })(response);
    await http.json({ ...GET, repeatable: true }, readName);
    expect(timer.waits).toEqual([2250]);
  });

  it('tries once what is not safe to repeat', async () => {
    answer = json({}, 503);
    await failureOf(http.status(POST));
    expect(seen).toHaveLength(1);
  });

  it('tries once what cannot change', async () => {
    answer = json({}, 400);
    await failureOf(http.json({ ...GET, repeatable: true }, readName));
    expect(seen).toHaveLength(1);
  });

  it('tries nothing again once the service stops', async () => {
    answer = json({}, 503);
    http.onModuleDestroy();
    await failureOf(http.json({ ...GET, repeatable: true }, readName));
    expect(seen).toHaveLength(1);
  });

  it('takes connections up again', async () => {
    answer = json({ name: 'Ada' });
    for (let i = 0; i < 20; i++) await http.json(GET, readName);
    // two in turn: undici gives a server one turn of the event loop to close the one that has just been used
    expect(sockets.length).toBeLessThanOrEqual(2);
  });

  it('keeps connections whose answer nobody reads', async () => {
    answer = (response, nth) => json({ name: 'Ada' }, nth % 2 ? 500 : 200)(response);
    for (let i = 0; i < 40; i++) await http.status(POST).catch(() => undefined);
    expect(seen).toHaveLength(40);
    expect(sockets.length).toBeLessThan(10);
  });

  it('says what made a service unreachable', async () => {
    const gone = await build(NOWHERE);
    const error = await failureOf(gone.json(GET, readName));
    expect(error).toMatchObject({ kind: 'unreachable', code: 'ECONNREFUSED' });
    expect(isRetryable(error)).toBe(true);
  });

  it.each([
    ['no JSON', (response: ServerResponse) => void response.end(`<html>${TOKEN}`), 'answer must be JSON'],
    ['another shape', json({ name: TOKEN.length }), 'thing.name must be a non-empty string'],
    ['nothing', (response: ServerResponse) => void response.writeHead(204).end(), 'answer must be JSON'],
  ])('calls an answer with %s what it is', async (_, given, problem) => {
    answer = given;
    const error = await failureOf(http.json({ ...GET, repeatable: true }, readName));
    expect(error).toMatchObject({ kind: 'shape', code: 'bad_shape', cause: { message: problem } });
    expect(isRetryable(error)).toBe(false);
    expect(calls.map((call) => call.outcome)).toEqual(['shape']);
  });

  it('stops reading an answer that is too long', async () => {
    answer = json({ name: 'x'.repeat(100_000) });
    const error = await failureOf(http.json({ ...GET, maxAnswerBytes: 1000 }, readName));
    expect(error).toMatchObject({ kind: 'shape', cause: { message: 'answer must be at most 1000 bytes' } });
  });

  it('asks nothing for an id that would change the route', async () => {
    expect(await failureOf(http.json({ ...GET, params: { id: '..' } }, readName))).toMatchObject({ kind: 'not-found' });
    expect(seen).toHaveLength(0);
  });

  it('asks nothing with a token that no header can hold', async () => {
    const error = await failureOf(http.json({ ...GET, token: 'a\r\nx: y' }, readName));
    expect(error.kind).toBe('unauthorized');
    expect(seen).toHaveLength(0);
  });

  it('shows neither token nor id nor query in an error, however it is printed', async () => {
    const request = { ...GET, query: { q: 'planted-query' } };
    answer = json({ message: TOKEN }, 500);
    const errors = [await failureOf(http.json(request, readName))];
    answer = (response) => void response.socket?.destroy();
    errors.push(await failureOf(http.json(request, readName)));
    errors.push(await failureOf((await build(NOWHERE)).json(request, readName)));
    for (const error of errors) {
      const shown = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)} ${error.stack}`;
      expect(shown).toContain('/things/{id}');
      expect(shown).not.toMatch(/planted|thing-1|Bearer/);
    }
  });
});
