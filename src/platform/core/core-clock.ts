import { Injectable } from '@nestjs/common';

/** The last answers that count: one whose reading took long is behind by that time, and the median leaves it out. */
const KEPT = 15;
/** Milliseconds for which an answer counts. */
const FRESH_MS = 600_000;

/**
 * The clock of hbf-core, which stamps the sessions, by the `Date` headers of its answers (PlatformHttp notes them).
 * Up to a second or so behind, and never ahead: `Date` is in whole seconds, rounded down, and its answer came later; ahead,
 * it would end a session before its time. It goes by this process' monotonic time, so that it does not follow when somebody sets
 * this machine's clock.
 */
@Injectable()
export class CoreClock {
  /** hbf-core's time minus the monotonic time, in milliseconds, and the monotonic time of each; a ring. */
  private readonly differences = new Float64Array(KEPT);
  private readonly notedAt = new Float64Array(KEPT).fill(-Infinity);
  private next = 0;
  private text?: string;
  private parsed = NaN;

  /**
   * Takes in one answer.
   *
   * @param date its header `Date`; ignored where it is missing or unreadable
   * @param age its header `Age`: a cache in between kept the answer, and its `Date` is old
   * @param receivedAt when the answer came: performance.now()
   */
  note(date: unknown, age: unknown, receivedAt: number): void {
    if (typeof date !== 'string' || age !== undefined) return;
    if (date !== this.text) {
      this.text = date;
      this.parsed = Date.parse(date);
    }
    if (Number.isNaN(this.parsed)) return;
    this.differences[this.next] = this.parsed - receivedAt;
    this.notedAt[this.next] = receivedAt;
    this.next = (this.next + 1) % KEPT;
  }

  /** @returns epoch milliseconds; undefined when no answer of the last ten minutes told the time */
  now(): number | undefined {
    const at = performance.now();
    const fresh = this.differences.filter((_, index) => at - this.notedAt[index]! <= FRESH_MS).sort();
    // of an even number the earlier one: too early ends a session later, too late ends one that is in use
    return fresh.length === 0 ? undefined : Math.round(at + fresh[(fresh.length - 1) >> 1]!);
  }
}
