import type { Socket } from 'node:net';

/** What a connection dies of that the receiver has closed or reset. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
/** The status line of an interim answer (RFC 9110, 15.2): 1xx, but not 101, which would end HTTP on the connection. */
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r]/;
const STATUS_LINE = 'HTTP/1.1 100 ';
const END_OF_HEAD = '\r\n\r\n';
/** An interim answer that is longer is passed on as it is. */
const MAX_INTERIM_BYTES = 64 * 1024;

const unanswered = new WeakSet<object>();

/**
 * Whether a request failed because a connection that had served another one before died before any byte of this answer
 * came: the receiver has most likely closed it while it was idle, and has not taken the request.
 */
export function diedBeforeAnswer(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unanswered.has(error);
}

/**
 * Watches what comes in on one connection, before undici reads it. Takes the interim answers out (undici 7 gives up a
 * request that is answered by `100 Continue` first, although no request of ours asks for it), and remembers the errors
 * of diedBeforeAnswer. One request is under way at a time.
 */
export function watchAnswers(socket: Socket): void {
  const read = socket.read.bind(socket);
  /** `bytesWritten` when bytes came last: it has grown since only where a request waits for its first byte. */
  let answeredAt = 0;
  let held: Buffer | undefined;

  const take = (chunk: Buffer): Buffer | undefined => {
    if (socket.bytesWritten === answeredAt && !held) return chunk;
    answeredAt = socket.bytesWritten;
    const { rest, open } = withoutInterim(held ? Buffer.concat([held, chunk]) : chunk);
    held = open ? rest : undefined;
    return held || rest.length === 0 ? undefined : rest;
  };

  socket.read = (size?: number): unknown => {
    for (;;) {
      const chunk = read(size) as Buffer | null;
      const passed = chunk && take(chunk);
      if (passed !== undefined) return passed;
    }
  };
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const waits = answeredAt > 0 && socket.bytesWritten !== answeredAt;
    if (waits && CLOSED.has(error.code ?? '')) unanswered.add(error);
  });
}

/** @returns what follows the interim answers; `open` where more bytes have to come before that is known */
function withoutInterim(bytes: Buffer): { rest: Buffer; open: boolean } {
  for (let rest = bytes; ;) {
    const line = rest.toString('latin1', 0, STATUS_LINE.length);
    if (line.length < STATUS_LINE.length) return { rest, open: rest.length > 0 && mayBeInterim(line) };
    if (!INTERIM.test(line)) return { rest, open: false };
    const end = rest.indexOf(END_OF_HEAD);
    if (end < 0) return { rest, open: rest.length < MAX_INTERIM_BYTES };
    rest = rest.subarray(end + END_OF_HEAD.length);
    if (rest.length === 0) return { rest, open: true };
  }
}

/** Whether a status line of which so much has come may become one of an interim answer. */
function mayBeInterim(begun: string): boolean {
  return ['HTTP/1.1 1', 'HTTP/1.0 1'].some((start) => start.startsWith(begun.slice(0, start.length)));
}
