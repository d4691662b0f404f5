import type { CancelToken } from 'axios';

/**
 * A token that no caller cancels. Without one in the request HttpService makes its own and cancels it when the answer
 * has come: an error with a stack trace for every call (0.11 instead of 0.07 ms of CPU each, Node 20).
 */
class NeverCancelled implements CancelToken {
  readonly promise = new Promise<never>(() => undefined);

  throwIfRequested(): void {}

  subscribe(): void {}

  unsubscribe(): void {}

  toAbortSignal(): AbortSignal {
    return new AbortController().signal;
  }
}

export const NEVER_CANCELLED: CancelToken = new NeverCancelled();
