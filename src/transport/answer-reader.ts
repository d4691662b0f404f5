import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Room } from './room.js';
import { DeadlineError, NoRoomError, TooLongError } from './transport-errors.js';

/** Bytes that are read of a body that is not wanted whole; a longer one costs its connection. */
const MAX_DISCARDED_BYTES = 64 * 1024;
/** A shorter body is joined of its chunks. */
const MIN_PREPARED_BYTES = 256 * 1024;
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
  /**
   * `whole`: asked for the length of the body as soon as it is told, else as the body grows. While it makes the answer
   * wait, the connection is paused and the deadline runs on; then, or when there is no room, the answer is NoRoomError.
   */
  room?: Room;
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
 * @throws DeadlineError, TooLongError, NoRoomError, undici's own errors, and what the dispatcher's connector rejects with
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
  /** Of the length that was told: a body that is joined of its chunks takes its length twice while it is joined. */
  private prepared?: Buffer;
  private waitsForRoom = false;

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
    if (this.settled) controller.abort(new DeadlineError(false));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.head = { status, headers };
    const { keep } = this.reading;
    if (keep === 'nothing' || (keep === 'whole' && status >= 300))
      this.answer(undefined); // the timer ends the body
    else if (keep === 'whole') this.prepareFor(Number(headers['content-length'] ?? 0));
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
    else if (wanted) this.keep(chunk, before);
  }

  onResponseEnd(): void {
    clearTimeout(this.timer);
    this.answer(this.body());
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.timer);
    this.fail(error);
  }

  /** The deadline has passed. What took the time was perhaps not the remote. */
  onDeadline(): void {
    this.cut(this.waitsForRoom ? new NoRoomError() : new DeadlineError(this.controller !== undefined));
  }

  private prepareFor(length: number): void {
    const { maxBytes } = this.reading;
    if (length > maxBytes) return this.cut(new TooLongError(maxBytes));
    if (!(length >= MIN_PREPARED_BYTES)) return; // nor when it is no number
    this.askForRoom(length, () => (this.prepared = Buffer.allocUnsafeSlow(length)));
  }

  private keep(chunk: Buffer, at: number): void {
    if (this.prepared)
      this.prepared.set(chunk, at); // undici refuses a body that is longer than was told
    else this.kept.push(chunk);
    this.askForRoom(this.received);
  }

  /** Goes on at once, or pauses the connection until there is room. */
  private askForRoom(bytes: number, then: () => void = () => undefined): void {
    const granted = this.reading.room?.growTo(bytes) ?? true;
    if (granted === true) return then();
    if (granted === false) return this.cut(new NoRoomError());
    this.waitsForRoom = true;
    this.controller?.pause();
    void granted.then((has) => {
      this.waitsForRoom = false;
      if (this.settled) return;
      if (!has) return this.cut(new NoRoomError());
      then();
      this.controller?.resume();
    });
  }

  private cut(reason: Error): void {
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
    if (this.prepared) return this.prepared;
    if (this.kept.length === 1) return this.kept[0]!;
    return this.kept.length === 0 ? NOTHING : Buffer.concat(this.kept);
  }
}

function onDeadline(reader: AnswerReader): void {
  reader.onDeadline();
}
