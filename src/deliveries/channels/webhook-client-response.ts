import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** Bytes of a response that are read at most; a connection that has more to say is closed. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Bytes of a response that are kept. */
export const SNIPPET_BYTES = 1024;
const NOTHING = Buffer.alloc(0);

/** What a receiver answered: status and the first bytes of its body, or the error that came before a status. */
export type WebhookAnswer = { statusCode: number; headers: IncomingHttpHeaders; body: Buffer } | { error: Error };

/** The time of an attempt is over and no status has come. */
export class DeadlineError extends Error {
  constructor() {
    super('the attempt took too long');
    this.name = 'DeadlineError';
  }
}

/**
 * Reads one response under one deadline, which covers waiting for a connection, connecting, headers and body. Once the
 * status is known it decides: a body that then trickles, breaks off or is too long is cut, for the receiver has said
 * what it had to say. One timer per attempt is all that it costs; an AbortSignal would cost tens of megabytes.
 */
export class WebhookResponseReader implements Dispatcher.DispatchHandler {
  readonly answer: Promise<WebhookAnswer>;
  private resolve: (answer: WebhookAnswer) => void;
  private readonly timer: NodeJS.Timeout;
  private controller?: Dispatcher.DispatchController;
  private head?: { statusCode: number; headers: IncomingHttpHeaders };
  private settled = false;
  private received = 0;
  private readonly kept: Buffer[] = [];

  constructor(timeoutMs: number) {
    this.answer = new Promise((resolve) => (this.resolve = resolve));
    this.timer = setTimeout(() => this.cut(new DeadlineError()), timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // its turn came after its deadline: nothing has been written yet, and nothing may be
    if (this.settled) controller.abort(new DeadlineError());
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    if (statusCode >= 200) this.head = { statusCode, headers };
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // a copy: undici's chunk may keep a far larger buffer alive
    if (this.received < SNIPPET_BYTES) this.kept.push(Buffer.from(chunk.subarray(0, SNIPPET_BYTES - this.received)));
    this.received += chunk.length;
    if (this.received > MAX_BODY_BYTES) this.cut(new Error('the response is too long'));
  }

  onResponseEnd(): void {
    this.settle();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.settle(error);
  }

  private cut(reason: Error): void {
    this.settle(reason);
    this.controller?.abort(reason);
  }

  /** @param error why it ended before its status; made only where there is one, as a stack trace costs much */
  private settle(error?: Error): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    if (this.head) this.resolve({ ...this.head, body: this.kept.length === 0 ? NOTHING : Buffer.concat(this.kept) });
    else this.resolve({ error: error ?? new Error('the response has no status') });
  }
}
