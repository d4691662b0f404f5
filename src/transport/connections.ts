import type { OnApplicationShutdown } from '@nestjs/common';
import { type Dispatcher, errors, Pool } from 'undici';
import { type Answer, exchange, type Reading } from './answer-reader.js';
import type { Room } from './room.js';
import { unpack } from './unpack.js';

/** Milliseconds that calls get at the stop to end. */
const LAST_ANSWERS_MS = 1_000;

/** One call to a service of the platform. */
export interface Call {
  /** Scheme, host and port. */
  origin: string;
  /** With the query, encoded. */
  path: string;
  method: Dispatcher.HttpMethod;
  /** Names and values in turn. */
  headers: string[];
  body: Buffer | string | readonly Buffer[] | undefined;
  /** For the whole call, in milliseconds. */
  timeoutMs: number;
  /** Bytes that are read at most, unpacked. */
  maxAnswerBytes: number;
  /** `body`: the unpacked body of a 2xx. `status`: resolved as soon as the status is known, whatever follows. */
  wants: 'body' | 'status';
  /** Asked for the bytes of a body, packed and unpacked, before they are read. */
  room?: Room;
}

/** Kept-alive connections to the platform's services, over undici. No redirect is followed and no proxy used. */
export class Connections implements OnApplicationShutdown {
  /** By origin. Not an Agent: once that is closing, it no longer reaches what it would have to destroy. */
  private readonly pools = new Map<string, Pool>();
  private readonly options: Pool.Options;
  private closing = false;

  /** @param limits how many connections each service gets, and how long connecting to it may take */
  constructor({ connections, connectTimeoutMs }: { connections: number; connectTimeoutMs: number }) {
    this.options = {
      connections,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs },
      // the one deadline of a call covers both
      headersTimeout: 0,
      bodyTimeout: 0,
    };
  }

  /** @throws DeadlineError, NoRoomError, AnswerError (too long, not packed as it says) or undici's own errors */
  async send({ origin, path, method, headers, body, timeoutMs, maxAnswerBytes, wants, room }: Call): Promise<Answer> {
    const keep = wants === 'body' ? 'whole' : 'nothing';
    const reading: Reading = { timeoutMs, keep, maxBytes: maxAnswerBytes, room };
    const request = { path, method, ...sent(headers, body) };
    const answer = await exchange(this.poolOf(origin), request, reading);
    const encoding = String(answer.headers['content-encoding'] ?? 'identity');
    if (!answer.body?.length || encoding === 'identity') return answer;
    return { ...answer, body: await unpack(answer.body, encoding, maxAnswerBytes, room) };
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** Waits a second for running calls to end, then breaks them off; from now on no call begins. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    const pools = [...this.pools.values()];
    const late = setTimeout(() => pools.forEach((pool) => void pool.destroy()), LAST_ANSWERS_MS);
    await Promise.allSettled(pools.map((pool) => pool.close()));
    clearTimeout(late);
  }

  private poolOf(origin: string): Pool {
    if (this.closing) throw new errors.ClientClosedError();
    let pool = this.pools.get(origin);
    if (!pool) this.pools.set(origin, (pool = new Pool(origin, this.options)));
    return pool;
  }
}

/** Several buffers are written one after the other, under the length that they have together. */
function sent(headers: string[], body: Call['body']): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return { headers, body };
  const length = body.reduce((sum, part) => sum + part.length, 0);
  // undici takes any iterable of bytes, which its types do not tell
  const parts = body as unknown as Dispatcher.DispatchOptions['body'];
  return { headers: [...headers, 'content-length', String(length)], body: parts };
}
