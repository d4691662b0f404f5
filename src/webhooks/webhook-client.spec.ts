import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type LookupFunction, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { freePort, NOWHERE } from '../../test/support/ports.js';
import { waitFor } from '../../test/support/wait-for.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { WebhookClient, type WebhookRequest } from './webhook-client.js';
import type { WebhookOutcome } from './webhook-outcome.js';

const SECRETS = ['first-secret-of-24-bytes', 'second-secret-of-24-byte'].map(
  (text) => `whsec_${Buffer.from(text).toString('base64')}`,
);
const BODY = Buffer.from(JSON.stringify({ text: 'Ωmega', planted: 'payload-s3cret' }));

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A receiver on loopback that keeps what it was sent. */
interface Receiver {
  url: string;
  received: Received[];
  connections: number;
}

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function listen(server: Server, host = '127.0.0.1'): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  const port = await freePort(); // on the other addresses, too: one test has a second server there
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  cleanUps.push(() => {
    sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://${host}:${port}/hook?key=query-s3cret`;
}

async function receive(
  answer: (response: ServerResponse, request: IncomingMessage, received: Received) => void,
  host?: string,
): Promise<Receiver> {
  const receiver: Receiver = { url: '', received: [], connections: 0 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks) };
      receiver.received.push(received);
      answer(response, request, received);
    });
  });
  server.on('connection', () => receiver.connections++);
  receiver.url = await listen(server, host);
  return receiver;
}

/** A server that speaks bytes of its own once something has come in. */
function speak(say: (socket: Socket) => void): Promise<string> {
  return listen(createTcpServer((socket) => socket.once('data', () => say(socket))));
}

function client(variables: Record<string, string> = {}, lookup?: LookupFunction): WebhookClient {
  const config = testConfig({
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PRIVATE_CIDRS: '127.0.0.1/32',
    WEBHOOK_TIMEOUT_MS: '60000',
    ...variables,
  });
  const created = new WebhookClient(config, lookup && { lookup });
  cleanUps.push(() => created.close());
  return created;
}

function request(url: string, changes: Partial<WebhookRequest> = {}): WebhookRequest {
  const headers = [{ name: 'x-api-key', value: 'header-s3cret' }];
  return { url, headers, body: BODY, webhookId: 'delivery-1', signingSecrets: [], ...changes };
}

async function post(url: string, changes: Partial<WebhookRequest> = {}): Promise<WebhookOutcome> {
  const outcome = await client().post(request(url, changes));
  expect(JSON.stringify(outcome)).not.toMatch(/(query|header|payload)-s3cret/);
  return outcome;
}

/** Answers each name with the addresses given for it, one list per call; the last list stays. */
function resolver(...answers: string[][]): LookupFunction {
  return (_hostname, _options, callback) => {
    const addresses = answers.length > 1 ? answers.shift()! : answers[0]!;
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

function named(url: string, host: string): string {
  return url.replace(/\/\/127\.0\.0\.\d+/, `//${host}`);
}

describe('WebhookClient, what it sends', () => {
  it('posts the very bytes, with our headers and the custom ones, reserved ones left out', async () => {
    const receiver = await receive((response) => response.end('thanks'));
    const headers = [
      { name: 'X-Api-Key', value: 'abc' },
      { name: 'Host', value: 'evil.example' },
      { name: 'Content-Length', value: '1' },
      { name: 'Transfer-Encoding', value: 'chunked' },
      { name: 'webhook-id', value: 'forged' },
    ];
    const outcome = await post(receiver.url, { headers });
    expect(outcome).toMatchObject({ result: 'delivered', statusCode: 200, responseSnippet: 'thanks' });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]).toMatchObject({ method: 'POST', url: '/hook?key=query-s3cret', body: BODY });
    expect(receiver.received[0]!.headers).toMatchObject({
      host: new URL(receiver.url).host,
      'content-length': String(BODY.length),
      'content-type': 'application/json',
      'x-api-key': 'abc',
      'webhook-id': 'delivery-1',
    });
    expect(receiver.received[0]!.headers).not.toHaveProperty('transfer-encoding');
    expect(receiver.received[0]!.headers).not.toHaveProperty('webhook-signature');
  });

  it.each([1, 2])('signs what it sends with %i secrets', async (count) => {
    const receiver = await receive((response) => response.end());
    await post(receiver.url, { signingSecrets: SECRETS.slice(0, count) });
    const { body, headers } = receiver.received[0]!;
    for (const secret of SECRETS.slice(0, count)) {
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(JSON.parse(BODY.toString()));
    }
  });

  it('refuses a header value with a line break and sends nothing', async () => {
    const receiver = await receive((response) => response.end());
    const outcome = await post(receiver.url, { headers: [{ name: 'x-a', value: 'header-s3cret\r\nhost: evil' }] });
    expect(outcome).toMatchObject({ result: 'failed', code: 'headers_refused', retryable: false });
    expect(receiver.connections).toBe(0);
  });

  it('keeps connections for the next attempts', async () => {
    const receiver = await receive((response) => response.end('ok'));
    const webhooks = client();
    const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
    for (const webhookId of ids) await webhooks.post(request(receiver.url, { webhookId }));
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(ids);
    // undici frees a connection a moment after its answer, so that a second one takes turns with the first
    expect(receiver.connections).toBeLessThanOrEqual(2);
  });

  it('lets no integration wait for slow ones at the same host', async () => {
    const held: ServerResponse[] = [];
    const receiver = await receive((response, { headers }) =>
      headers['webhook-id'] === 'slow' ? held.push(response) : response.end(),
    );
    const webhooks = client();
    const slow = Array.from({ length: 200 }, () => webhooks.post(request(receiver.url, { webhookId: 'slow' })));
    await waitFor('all to be held', () => held.length === slow.length);
    expect(await webhooks.post(request(receiver.url))).toMatchObject({ result: 'delivered' });
    held.forEach((response) => response.end());
    expect(new Set((await Promise.all(slow)).map(({ result }) => result))).toEqual(new Set(['delivered']));
  });

  it('never writes a request whose deadline passed while it waited for a connection', async () => {
    const receiver = await receive((response) => response.end());
    const waiting: (() => void)[] = [];
    const webhooks = client({}, (...asked) => waiting.push(() => resolver(['127.0.0.1'])(...asked)));
    const url = named(receiver.url, 'slow-dns.test');
    const late = await webhooks.post(request(url, { webhookId: 'late', timeoutMs: 150 }));
    expect(late).toMatchObject({ result: 'failed', code: 'timeout', retryable: true });
    const after = webhooks.post(request(url, { webhookId: 'after' }));
    await waitFor('both to be looked up', () => waiting.length === 2);
    waiting.forEach((answer) => answer());
    expect(await after).toMatchObject({ result: 'delivered' });
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['after']);
  });
});

describe('WebhookClient, what receivers answer', () => {
  it('does not follow redirects', async () => {
    const target = await receive((response) => response.end());
    const receiver = await receive((response) => response.writeHead(307, { location: target.url }).end());
    expect(await post(receiver.url)).toMatchObject({
      result: 'failed',
      code: 'http_307',
      statusCode: 307,
      message: 'the receiver answered 307; redirects are not followed',
      retryable: true,
    });
    expect(target.connections).toBe(0);
  });

  it('tells 410 from a failure that time may heal', async () => {
    const gone = await receive((response) => response.writeHead(410).end());
    const broken = await receive((response) => response.writeHead(500).end('our fault'));
    expect(await post(gone.url)).toMatchObject({ code: 'http_410', retryable: false });
    expect(await post(broken.url)).toMatchObject({ code: 'http_500', retryable: true, responseSnippet: 'our fault' });
  });

  it('reads Retry-After in both forms', async () => {
    const inSeconds = await receive((response) => response.writeHead(429, { 'retry-after': '30' }).end());
    const past = new Date(0).toUTCString();
    const asDate = await receive((response) => response.writeHead(503, { 'retry-after': past }).end());
    expect(await post(inSeconds.url)).toMatchObject({ code: 'http_429', retryAfterMs: 30_000 });
    expect(await post(asDate.url)).toMatchObject({ code: 'http_503', retryAfterMs: 0 });
  });

  it.each([
    ['early hints', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['both', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'],
  ])('passes over %s, in one piece or byte by byte', async (_, interim) => {
    const answer = `${interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`;
    const whole = await speak((socket) => socket.write(answer));
    const inPieces = await speak((socket) => {
      socket.setNoDelay(true);
      const next = (at: number): void =>
        void (at < answer.length && socket.write(answer[at]!, () => setImmediate(() => next(at + 1))));
      next(0);
    });
    for (const url of [whole, inPieces]) {
      expect(await post(url)).toMatchObject({ result: 'delivered', statusCode: 200, responseSnippet: 'ok' });
    }
  });

  it('passes over 100 Continue on a kept connection, too', async () => {
    const receiver = await receive((response) => (response.writeContinue(), response.end('ok')));
    const webhooks = client();
    for (let n = 0; n < 6; n++) {
      expect(await webhooks.post(request(receiver.url))).toMatchObject({ result: 'delivered', responseSnippet: 'ok' });
    }
    expect(receiver.received).toHaveLength(6);
  });

  it('takes headers of 20 KB', async () => {
    const headers = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`x-long-${n}`, 'x'.repeat(1_000)]));
    const receiver = await receive((response) => response.writeHead(200, headers).end('ok'));
    expect(await post(receiver.url)).toMatchObject({ result: 'delivered', responseSnippet: 'ok' });
  });

  it('stops reading an endless body, keeps its first kilobyte and closes the connection', async () => {
    let closed: () => void;
    const connectionClosed = new Promise<void>((resolve) => (closed = resolve));
    const receiver = await receive((response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => void (response.write(chunk) && !response.destroyed && setImmediate(more));
      response.on('drain', more).on('close', () => closed());
      more();
    });
    const outcome = await post(receiver.url);
    expect(outcome).toMatchObject({ result: 'delivered', responseSnippet: 'x'.repeat(1024) });
    await connectionClosed;
  });

  it('does not unpack a compressed body', async () => {
    const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
    const receiver = await receive((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const outcome = await post(receiver.url);
    expect(outcome).toMatchObject({ result: 'delivered' });
    expect(outcome).toMatchObject({ responseSnippet: undefined });
  });

  it('lets the status decide when the body trickles past the deadline or breaks off', async () => {
    const trickle = await speak((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\na bit'));
    const failing = await speak((socket) => socket.write('HTTP/1.1 502 No\r\ncontent-length: 99\r\n\r\na bit'));
    const reset = await speak((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\na bit', () => socket.destroy()),
    );
    expect(await post(trickle, { timeoutMs: 150 })).toMatchObject({ result: 'delivered', responseSnippet: 'a bit' });
    expect(await post(failing, { timeoutMs: 150 })).toMatchObject({ result: 'failed', code: 'http_502' });
    expect(await post(reset)).toMatchObject({ result: 'delivered', statusCode: 200 });
  });
});

describe('WebhookClient, on a kept connection that the receiver closes at its next request', () => {
  /** Answers the first request of a connection; at the second one the connection ends as `end` says. */
  const closing = async (end: (socket: Socket) => void) => {
    const served = new Map<Socket, number>();
    const heard: number[] = [];
    const url = await listen(
      createTcpServer((socket) => {
        socket.on('data', (chunk) => {
          if (!chunk.includes('POST ')) return;
          const nth = (served.get(socket) ?? 0) + 1;
          served.set(socket, nth);
          heard.push(nth);
          if (nth === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          else end(socket);
        });
      }),
    );
    return { url, heard };
  };

  it.each([
    ['closed', (socket: Socket): void => void socket.end()],
    ['reset', (socket: Socket): void => void socket.resetAndDestroy()],
  ])('sends once more at once, on a fresh one: %s', async (_, end) => {
    const { url, heard } = await closing(end);
    const webhooks = client();
    for (let n = 0; n < 4; n++) {
      expect(await webhooks.post(request(url))).toMatchObject({ result: 'delivered', responseSnippet: 'ok' });
    }
    expect(heard.filter((nth) => nth > 1)).not.toEqual([]);
    expect(heard.filter((nth) => nth === 1)).toHaveLength(4);
  });

  it('does not where a byte of an answer has come, nor on a fresh connection', async () => {
    const { url, heard } = await closing((socket) => socket.write('H', () => socket.destroy()));
    const webhooks = client();
    // undici frees a connection a moment after its answer: the first posts may open one each
    const failed = async () => (await webhooks.post(request(url))).result === 'failed';
    await waitFor('a kept connection to be used', failed);
    expect(heard.filter((nth) => nth > 1)).toHaveLength(1);
    const nowhere = await receive((response) => response.destroy());
    expect(await webhooks.post(request(nowhere.url))).toMatchObject({ result: 'failed', code: 'ECONNRESET' });
    expect(nowhere.received).toHaveLength(1);
  });

  it('sends no third time', async () => {
    let good = 2;
    const dying = await receive((response) => (good-- > 0 ? response.end() : response.destroy()));
    const webhooks = client();
    for (let n = 0; n < 2; n++) await webhooks.post(request(dying.url));
    await waitFor('both connections to be free', () => new Promise<boolean>((done) => setImmediate(done, true)));
    expect(await webhooks.post(request(dying.url))).toMatchObject({ result: 'failed', code: 'ECONNRESET' });
    expect(dying.received).toHaveLength(4);
  });
});

describe('WebhookClient, when no answer comes', () => {
  it.each([
    ['silence', (): void => undefined],
    ['headers that never end', (socket: Socket): void => void socket.write('HTTP/1.1 200 OK\r\nx-a: 1\r\n')],
  ])('ends at the deadline: %s', async (_, say) => {
    const url = await speak(say);
    expect(await post(url, { timeoutMs: 150 })).toMatchObject({ result: 'failed', code: 'timeout', retryable: true });
  });

  it('reports a closed connection, a refused one and an answer that is no HTTP', async () => {
    const closing = await speak((socket) => socket.destroy());
    const resetting = await speak((socket) => socket.resetAndDestroy());
    const ssh = await speak((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'));
    const huge = await speak((socket) => socket.write(`HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(70_000)}\r\n\r\n`));
    for (const url of [closing, resetting])
      expect(await post(url)).toMatchObject({ code: 'ECONNRESET', retryable: true });
    for (const url of [ssh, huge]) expect(await post(url)).toMatchObject({ code: 'response_broken', retryable: true });
    expect(await post(NOWHERE)).toMatchObject({ code: 'ECONNREFUSED', retryable: true });
  });

  it('reports a name that does not resolve', async () => {
    const lookup: LookupFunction = (hostname, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '');
    const outcome = await client({}, lookup).post(request('http://nowhere.test/'));
    expect(outcome).toMatchObject({
      code: 'no_public_address',
      message: 'the host name resolves to no public address',
      retryable: true,
    });
  });

  it('says that it was stopped', async () => {
    const url = await speak(() => undefined);
    const webhooks = client();
    const underWay = webhooks.post(request(url));
    await webhooks.close();
    expect(await underWay).toMatchObject({ result: 'failed', code: 'stopped', retryable: true });
    expect(await webhooks.post(request(url))).toMatchObject({ result: 'failed', code: 'stopped', retryable: true });
  });
});

describe('WebhookClient, whom it may reach', () => {
  it('refuses a URL by what is written in it', async () => {
    const receiver = await receive((response) => response.end());
    const strict = client({ WEBHOOK_ALLOW_HTTP: 'false' });
    const closed = client({ WEBHOOK_ALLOWED_PRIVATE_CIDRS: '' });
    for (const outcome of [
      await strict.post(request(receiver.url)),
      await closed.post(request(receiver.url)),
      await closed.post(request(named(receiver.url, '2130706433'))),
      await closed.post(request(named(receiver.url, '[::ffff:127.0.0.1]'))),
      await closed.post(request('not a url')),
    ]) {
      expect(outcome).toMatchObject({ result: 'failed', code: 'url_refused', retryable: false });
    }
    expect(receiver.connections).toBe(0);
  });

  it('refuses a name that resolves to a private address, without telling the address', async () => {
    const receiver = await receive((response) => response.end(), '127.0.0.2');
    const outcome = await client({}, resolver(['127.0.0.2'])).post(request(named(receiver.url, 'receiver.test')));
    expect(outcome).toMatchObject({
      result: 'failed',
      code: 'no_public_address',
      message: 'the host name resolves to no public address',
      retryable: true,
    });
    expect(receiver.connections).toBe(0);
  });

  it('connects to none but the allowed ones of several addresses', async () => {
    const receiver = await receive((response) => response.end());
    const lookup = resolver(['fd00::1', '10.0.0.1', '127.0.0.1']);
    const outcome = await client({}, lookup).post(request(named(receiver.url, 'receiver.test')));
    expect(outcome).toMatchObject({ result: 'delivered' });
    expect(receiver.connections).toBe(1);
  });

  it('is not fooled by a name that resolves differently the second time', async () => {
    const allowed = await receive((response) => response.writeHead(200, { connection: 'close' }).end());
    const port = Number(new URL(allowed.url).port);
    let reached = 0;
    const inner = createTcpServer(() => reached++);
    await new Promise<void>((resolve) => inner.listen(port, '127.0.0.2', resolve));
    cleanUps.push(() => new Promise((resolve) => inner.close(resolve)));
    const webhooks = client({}, resolver(['127.0.0.1'], ['127.0.0.2']));
    const url = named(allowed.url, 'rebinding.test');
    expect(await webhooks.post(request(url))).toMatchObject({ result: 'delivered' });
    expect(await webhooks.post(request(url))).toMatchObject({ code: 'no_public_address' });
    expect(reached).toBe(0);
  });
});
