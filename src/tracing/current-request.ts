import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<string>();
/** How many requests are being answered. */
let served = 0;

/**
 * Runs `work` in such a way that currentRequestId() returns `requestId` in it and in everything that it starts.
 *
 * @param whenOver receives a function to call when the request has ended. Before Node 24, an AsyncLocalStorage that has
 *   been used slows down every promise of the process, so it is disabled after the last request and used again with the
 *   next. Without this argument it stays enabled.
 */
export function onBehalfOf<T>(requestId: string, work: () => T, whenOver?: (end: () => void) => void): T {
  served++;
  whenOver?.(onceOnly(endOne));
  return current.run(requestId, work);
}

/** The id of the request that is being answered; undefined in background work. */
export function currentRequestId(): string | undefined {
  return served > 0 ? current.getStore() : undefined;
}

function endOne(): void {
  if (--served === 0) current.disable();
}

function onceOnly(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
