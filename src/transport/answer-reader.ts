import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { DeadlineError, TooLongError } from './transport-errors.js';

/** Bytes that are read of a body that is not wanted whole; a longer one costs its connection. */
const MAX_DISCARDED_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** How one answer is read. */
export interface Reading {
  /** From the call to the last byte, in milliseconds: waiting for a connection, connecting, headers and body. */
  timeoutMs: number;
  /**
   * `whole`: the body of a 2xx, and a body that breaks off or is too long is an error. Of any other status: `nothing`.
   * `start`: the first bytes of any body. Once the status is known it decides, whatever becomes of the body.
   * `nothing`: the answer is there as soon as its status is known. What follows is read away, to keep the connection.
   */
  keep: 'whole' | 'start' | 'nothing';
  /** `whole`: bytes of the longest body that is read. `start`: bytes that are kept, of 64 KB that are read at most. */
  maxBytes: number;
}

/** A final answer (1xx are passed over), whatever its status. */
export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /** As it came, packed or not; undefined when none of it was to be kept. */
  body: Buffer | undefined;
}

/**
 * Sends one request and reads its answer.
 *
 * @throws DeadlineError, TooLongError, undici's own errors, and what the dispatcher's connector rejects with
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  reading: Reading,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(request, new AnswerReader(reading, resolve, reject));
  });
}

/** Reads one answer under one deadline: one timer per attempt, where an AbortSignal would cost tens of megabytes. */
class AnswerReader implements Dispatcher.DispatchHandler {
  private readonly timer: NodeJS.Timeout;
  private controller?: Dispatcher.DispatchController;
  private head?: Omit<Answer, 'body'>;
  private settled = false;
  private received = 0;
  private readonly kept: Buffer[] = [];

  constructor(
    private readonly reading: Reading,
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.timer = setTimeout(onDeadline, reading.timeoutMs, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // its turn came after its deadline: nothing has been written yet, and nothing may be
    if (this.settled) controller.abort(new DeadlineError());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.head = { status, headers };
    const { keep } = this.reading;
    if (keep === 'nothing' || (keep === 'whole' && status >= 300)) this.answer(undefined); // the timer ends the body
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    const before = this.received;
    this.received += chunk.length;
    const { keep, maxBytes } = this.reading;
    const wanted = keep === 'whole' && !this.settled;
    // a copy: undici's chunk may keep a far larger buffer alive
    if (keep === 'start' && before < maxBytes) this.kept.push(Buffer.from(chunk.subarray(0, maxBytes - before)));
    const limit = wanted ? maxBytes : MAX_DISCARDED_BYTES;
    if (this.received > limit) this.cut(new TooLongError(limit));
    else if (wanted) this.kept.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.timer);
    this.answer(this.body());
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

  private fail(error: Error): void {
    if (this.head && this.reading.keep === 'start') this.answer(this.body());
    else if (!this.settled) this.reject(error);
    this.settled = true;
  }

  private answer(body: Buffer | undefined): void {
    if (this.settled) return;
    this.settled = true;
    if (!this.head) return this.reject(new Error('the answer has no status'));
    const { status, headers } = this.head;
    this.resolve({ status, headers, body });
  }

  private body(): Buffer {
    if (this.kept.length === 1) return this.kept[0]!;
    return this.kept.length === 0 ? NOTHING : Buffer.concat(this.kept);
  }
}

function onDeadline(reader: AnswerReader): void {
  reader.cut(new DeadlineError());
}
