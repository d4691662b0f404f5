import { isNoRoom, isTooMuch, PlatformError } from './platform-error.js';

/** A smaller page is asked for during this time before a larger one is tried again. */
const GROW_AFTER_MS = 3_600_000;

/** How many items of a list are asked for on a page: fewer after a page that was too long or too slow. */
export class PageSize {
  private size: number;
  private shrunkAt = -Infinity;

  /** @param full what is asked for while nothing speaks against it */
  constructor(private readonly full: number) {
    this.size = full;
  }

  /** Whether it is back at the full size. */
  get isFull(): boolean {
    return this.size === this.full;
  }

  /** @param now milliseconds of a clock that never jumps */
  current(now: number): number {
    if (!this.isFull && now - this.shrunkAt >= GROW_AFTER_MS) {
      this.size = Math.min(this.full, 2 * this.size);
      this.shrunkAt = now;
    }
    return this.size;
  }

  /**
   * Halves the size after a page of `asked` items failed by its length or its time.
   *
   * @returns false: one item was asked for, and there is nothing to halve
   */
  shrink(asked: number, now: number): boolean {
    if (asked <= 1) return false;
    this.size = Math.ceil(asked / 2);
    this.shrunkAt = now;
    return true;
  }
}

/** Whether a page with fewer items may succeed where this one failed: it was too long, too costly or too slow. */
export function mayBeSmaller(error: unknown): boolean {
  return isTooMuch(error) || isNoRoom(error) || (error instanceof PlatformError && error.kind === 'timeout');
}
