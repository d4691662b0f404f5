import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, errors, Pool } from 'undici';
import { unpack } from './answer-body.js';
import { TooLongError } from './shape.js';

/** Bytes of an unwanted answer that are read away for the sake of its connection; a longer one costs the connection. */
const MAX_DISCARDED_BYTES = 64 * 1024;
/** What a service is given at the stop to end its answers. */
const LAST_ANSWERS_MS = 1_000;

/** No whole answer before the deadline. */
export class DeadlineError extends Error {
  constructor() {
    super('the answer took too long');
    this.name = 'DeadlineError';
  }
}

/** One call to a service of the platform. */
export interface Call {
  /** Scheme, host and port. */
  origin: string;
  /** With the query, encoded. */
  path: string;
  method: 'GET' | 'POST' | 'PATCH';
  /** Names and values in turn. */
  headers: string[];
  body: Buffer | string | undefined;
  /** From the call to the last byte, waiting for a connection included. */
  timeoutMs: number;
  /** Bytes that are read at most, unpacked. */
  maxAnswerBytes: number;
  /**
   * `body`: the answer to a 2xx; nobody wants that to anything else. `status`: it answers as soon as the status is
   * known; what follows that is read away and may break off.
   */
  wants: 'body' | 'status';
}

/** What came of a call, whatever its status. */
export interface Answer {
  status: number;
  /** The header, as it came. */
  retryAfter: string | undefined;
  body: Buffer | undefined;
}

/**
 * Kept-alive connections to the platform's services, over undici: at a fraction of what node:http costs, which axios
 * would use. No redirect is followed and no proxy used. It rejects with DeadlineError, ShapeError (too long, wrongly
 * packed) or undici's own errors.
 */
export class Connections {
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

  send(call: Call): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { origin, path, method, headers, body } = call;
      this.poolOf(origin).dispatch({ path, method, headers, body }, new AnswerReader(call, resolve, reject));
    });
  }

  /** Lets calls end, but not for long; from now on there are no new ones. */
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

/** One answer under one deadline: a timer is all it costs, where an AbortSignal would cost tens of megabytes. */
class AnswerReader implements Dispatcher.DispatchHandler {
  private readonly timer: NodeJS.Timeout;
  private controller?: Dispatcher.DispatchController;
  private status = 0;
  private headers: IncomingHttpHeaders = {};
  private settled = false;
  private received = 0;
  private chunks?: Buffer[];

  constructor(
    private readonly call: Call,
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.timer = setTimeout(onDeadline, call.timeoutMs, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // its turn came after its deadline: nothing has been written yet, and nothing may be
    if (this.settled) controller.abort(new DeadlineError());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    [this.status, this.headers] = [status, headers];
    if (this.call.wants === 'body' && status < 300) this.chunks = [];
    else this.answer(undefined); // the timer goes on and ends the body
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.received += chunk.length;
    const most = this.chunks ? this.call.maxAnswerBytes : MAX_DISCARDED_BYTES;
    if (this.received > most) return this.cut(new TooLongError(most));
    this.chunks?.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.timer);
    if (this.settled) return;
    const { chunks = [] } = this;
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.received);
    const encoding = String(this.headers['content-encoding'] ?? 'identity');
    if (encoding === 'identity' || body.length === 0) return this.answer(body);
    unpack(body, encoding, this.call.maxAnswerBytes).then(
      (whole) => this.answer(whole),
      (error: Error) => this.fail(error),
    );
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.timer);
    this.fail(error);
  }

  cut(reason: Error): void {
    clearTimeout(this.timer);
    this.fail(reason);
    this.controller?.abort(reason);
  }

  private answer(body: Buffer | undefined): void {
    if (this.settled) return;
    this.settled = true;
    this.resolve({ status: this.status, retryAfter: this.headers['retry-after'], body });
  }

  private fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.reject(error);
  }
}

function onDeadline(reader: AnswerReader): void {
  reader.cut(new DeadlineError());
}
