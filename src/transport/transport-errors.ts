/** No whole answer before the deadline of the call. */
export class DeadlineError extends Error {
  /** @param sent false: it was still waiting for a connection, and nothing was sent */
  constructor(readonly sent = true) {
    super('the answer took too long');
    this.name = 'DeadlineError';
  }
}

/** An answer came and cannot be used. The message says what an answer must be, never what it holds. */
export class AnswerError extends Error {
  constructor(expected: string) {
    super(`answer must be ${expected}`);
    this.name = 'AnswerError';
  }
}

/** An answer is longer than what is read of it. */
export class TooLongError extends AnswerError {
  constructor(maxBytes: number) {
    super(`at most ${maxBytes} bytes`);
    this.name = 'TooLongError';
  }
}

/** The memory budget had no room for an answer, or not in time. The remote is not to blame. */
export class NoRoomError extends Error {
  constructor() {
    super('no room in the memory budget');
    this.name = 'NoRoomError';
  }
}
