import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Answer } from './answer-reader.js';
import { type Call, Connections } from './connections.js';
import { AnswerError, DeadlineError, TooLongError } from './transport-errors.js';

const TEXT = Buffer.from('{"name":"Ada"}');

describe('Connections', () => {
  let server: Server;
  let origin: string;
  let answer: (response: ServerResponse, request: IncomingMessage) => void;
  let seen: IncomingMessage[];
  let connections: Connections;

  beforeEach(async () => {
    seen = [];
    connections = new Connections({ connections: 1, connectTimeoutMs: 5_000 });
    server = createServer((request, response) => {
      seen.push(request);
      request.resume().on('end', () => answer(response, request));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await connections.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = (wants: Call['wants'], more: Partial<Call> = {}): Promise<Answer> => {
    const call: Call = { origin, path: '/a?b=c', method: 'POST', headers: ['x-name', 'value'], body: undefined, timeoutMs: 5_000, maxAnswerBytes: 1_000, wants }; // prettier-ignore
    return connections.send({ ...call, ...more });
  };
  const packed = (encoding: string, body: Buffer) => (response: ServerResponse) =>
    void response.writeHead(200, { 'content-encoding': encoding, 'retry-after': '7' }).end(body);

  it.each([
    ['identity', TEXT],
    ['gzip', gzipSync(TEXT)],
    ['GZIP', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
  ])('reads an answer that came as %s', async (encoding, body) => {
    answer = packed(encoding, body);
    const { status, body: read, headers } = await ask('body');
    expect({ status, body: read, retryAfter: headers['retry-after'] }).toEqual({
      status: 200,
      body: TEXT,
      retryAfter: '7',
    });
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/a?b=c' });
    expect(seen[0]!.headers).toMatchObject({ 'x-name': 'value' });
    expect(seen[0]!.headers).not.toHaveProperty('content-type'); // nothing is sent that was not given
  });

  it.each([
    ['more than was asked for', 'identity', Buffer.alloc(1_001), TooLongError],
    ['a bomb', 'gzip', gzipSync(Buffer.alloc(1_001)), TooLongError],
    ['what is not packed as it says', 'gzip', TEXT, AnswerError],
    ['what is packed nobody knows how', 'aes128gcm', TEXT, AnswerError],
  ])('refuses %s', async (_what, encoding, body, error) => {
    answer = packed(encoding, body);
    await expect(ask('body')).rejects.toBeInstanceOf(error);
    expect(await ask('status')).toMatchObject({ status: 200, body: undefined });
  });

  it('never writes a call whose deadline passed while it waited for a connection', async () => {
    let release: () => void = () => undefined;
    answer = (response) => void (release = () => response.end());
    const first = ask('status');
    await expect(ask('status', { timeoutMs: 30 })).rejects.toBeInstanceOf(DeadlineError);
    answer = (response) => void response.end();
    release();
    await first;
    await ask('status', { path: '/third?b=c' });
    expect(seen.map((one) => one.url)).toEqual(['/a?b=c', '/third?b=c']);
  });

  it('lets a call end at the stop, and begins none after it', async () => {
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    let release: () => void = () => undefined;
    answer = (response) => {
      release = () => response.end(TEXT);
      arrived();
    };
    const call = ask('body');
    await arrival;
    const closed = connections.close();
    await expect(ask('body')).rejects.toMatchObject({ code: 'UND_ERR_CLOSED' });
    release();
    expect((await call).body).toEqual(TEXT);
    await closed;
  });

  it('does not wait long at the stop for a call that never ends', async () => {
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    answer = () => arrived();
    const call = ask('body', { timeoutMs: 60_000 });
    const failure = expect(call).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    await arrival;
    await connections.close();
    await failure;
  });
});
