import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Answer } from './answer-reader.js';
import { type Call, Connections } from './connections.js';
import type { Room } from './room.js';
import { AnswerError, DeadlineError, NoRoomError, TooLongError } from './transport-errors.js';

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
  it('sends the bytes of several buffers one after the other, under their length', async () => {
    const parts = [Buffer.alloc(300_000, 'x'), Buffer.from('}')];
    const read: Buffer[] = [];
    answer = (response) => void response.end();
    server.prependListener('request', (request: IncomingMessage) =>
      request.on('data', (chunk: Buffer) => read.push(chunk)),
    );
    for (let n = 0; n < 2; n++) await ask('status', { body: parts });
    expect(Buffer.concat(read).equals(Buffer.concat([...parts, ...parts]))).toBe(true);
    expect(seen.map(({ headers }) => headers)).toEqual([
      expect.objectContaining({ 'content-length': '300001' }),
      expect.objectContaining({ 'content-length': '300001' }),
    ]);
    expect(seen[0]!.headers).not.toHaveProperty('transfer-encoding');
  });

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

  describe('asks for room', () => {
    const LONG = Buffer.alloc(1_000_000, 'x');
    /** Answers what it is asked as the test says, and keeps a journal. */
    let asked: number[];
    let room: Room;
    let decide: (total: number) => boolean | Promise<boolean>;
    const isLong = ({ body }: Answer) => body?.equals(LONG); // jest compares byte by byte, in seconds
    const askLong = (more: Partial<Call> = {}) => ask('body', { room, maxAnswerBytes: 2_000_000, ...more });

    beforeEach(() => {
      asked = [];
      decide = () => true;
      room = { growTo: (total) => (asked.push(total), decide(total)) };
      answer = (response) => void response.write(LONG.subarray(0, 500_000), () => response.end(LONG.subarray(500_000)));
    });

    it('of the whole length at once where it is told, and else as the answer grows', async () => {
      expect(isLong(await askLong())).toBe(true);
      expect(asked.length).toBeGreaterThan(1);
      expect([asked, asked.at(-1)]).toEqual([[...asked].sort((a, b) => a - b), LONG.length]);
      asked.length = 0;
      answer = (response) => void response.writeHead(200, { 'content-length': LONG.length }).end(LONG);
      expect([isLong(await askLong()), asked[0]]).toEqual([true, LONG.length]);
    });

    it.each([0, 400_000])('and waits for it, from byte %i on', async (from) => {
      let grant: (granted: boolean) => void = () => undefined;
      const waits = new Promise<void>((resolve) => {
        decide = (total) => total <= from || new Promise((granted) => (resolve(), (grant = granted)));
      });
      const call = askLong();
      await waits;
      const before = asked.length;
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked).toHaveLength(before);
      decide = () => true;
      grant(true);
      expect(isLong(await call)).toBe(true);
    });

    it('and gives the answer up when there is none, and reads others over new connections', async () => {
      decide = (total) => total < 400_000;
      await expect(askLong()).rejects.toBeInstanceOf(NoRoomError);
      decide = () => Promise.resolve(false);
      await expect(askLong()).rejects.toBeInstanceOf(NoRoomError);
      expect(isLong(await askLong({ room: undefined }))).toBe(true);
    });

    it('for as long as the call may take, and says what took the time', async () => {
      decide = () => new Promise(() => undefined);
      await expect(askLong({ timeoutMs: 50 })).rejects.toBeInstanceOf(NoRoomError);
    });

    it('for what is unpacked, too', async () => {
      answer = packed('gzip', gzipSync(LONG));
      expect(isLong(await askLong())).toBe(true);
      expect(asked.at(-1)).toBe(gzipSync(LONG).length + LONG.length);
      decide = (total) => total < LONG.length / 2;
      await expect(askLong()).rejects.toBeInstanceOf(NoRoomError);
    });

    it('and never takes in what is told to be too long', async () => {
      answer = (response) => void response.writeHead(200, { 'content-length': 3_000_000 }).write('x');
      await expect(askLong()).rejects.toBeInstanceOf(TooLongError);
      expect(asked).toEqual([]);
    });
  });

  it('never writes a call whose deadline passed while it waited for a connection', async () => {
    let release: () => void = () => undefined;
    answer = (response) => void (release = () => response.end());
    const first = ask('status');
    await expect(ask('status', { timeoutMs: 30 })).rejects.toEqual(new DeadlineError(false));
    await expect(ask('status', { timeoutMs: 30 })).rejects.toMatchObject({ sent: false });
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
