import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<string>();

/** Runs `work`, and all that it starts, on behalf of the request of that id. */
export function onBehalfOf<T>(requestId: string, work: () => T): T {
  return current.run(requestId, work);
}

/** The id of the request that is being answered; undefined in background work. */
export function currentRequestId(): string | undefined {
  return current.getStore();
}
