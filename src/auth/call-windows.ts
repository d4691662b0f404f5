import { ExpiringMap } from '../platform/expiring-map.js';

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

/** The calls of one key since the first of them, a minute at most. */
export interface CallWindow {
  calls: number;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** Counts calls by key, in windows of a minute that begin with a key's first call. */
export class CallWindows {
  private readonly windows = new ExpiringMap<CallWindow>(WINDOW_MS, MAX_KEYS);

  /** @param now epoch milliseconds */
  of(key: string, now: number): CallWindow {
    const present = this.windows.get(key, now);
    if (present) return present;
    const window = { calls: 0, until: now + WINDOW_MS };
    this.windows.set(key, window, now);
    return window;
  }
}
