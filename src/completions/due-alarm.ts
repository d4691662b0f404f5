import { Injectable } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';

/** Times are rounded up to this, so that there are few. */
const STEP_MS = 10;
/** What is due later than this is found by the retry worker's next poll. */
export const POLL_MS = 5_000;

/**
 * Wakes this process's retry worker. Everybody who makes a delivery due, lets a probe go or frees room in a lane sets
 * the alarm; the retry worker alone waits for it.
 */
@Injectable()
export class DueAlarm {
  /** Times (epoch ms, Clock) before the next poll. */
  private readonly times = new Set<number>();
  private wake?: () => void;
  private stopped = false;

  constructor(private readonly clock: Clock) {}

  /** Something falls due at `at`, in the database's time. */
  setFor(at: Date): void {
    if (at.getTime() > this.clock.now() + POLL_MS) return;
    this.times.add(Math.ceil(at.getTime() / STEP_MS) * STEP_MS);
    this.wake?.();
  }

  setForNow(): void {
    this.setFor(new Date(this.clock.now()));
  }

  /** Forgets the times that have come: what is due by now is about to be looked for. */
  reset(): void {
    const now = this.clock.now();
    for (const time of this.times) if (time <= now) this.times.delete(time);
  }

  /** Waits until the earliest time that is set, also one that is set meanwhile; about five seconds at most. */
  async wait(): Promise<void> {
    const end = this.clock.now() + POLL_MS * (0.8 + 0.4 * Math.random());
    while (!this.stopped) {
      const left = Math.min(end, ...this.times) - this.clock.now();
      if (left <= 0) return;
      await this.sleep(left);
    }
  }

  /** Ends the wait, and every later one at once. */
  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  private async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }
}
