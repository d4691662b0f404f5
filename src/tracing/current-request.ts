import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<string>();
/** Requests that have not ended. */
let served = 0;

/**
 * Runs `work`, and all that it starts, on behalf of the request of that id.
 *
 * @param whenOver is told what to call when the request has ended. Before Node 24, a store that has been used makes
 *   every promise of the process dearer: after the last request it is put away until the next one comes. Without this
 *   argument it stays.
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
