import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { TokenBucket } from './token-bucket.js';

/** A long wait is cut in pieces, to hear of a stop. */
const WAIT_AT_MOST_MS = 500;
/** How long one check goes on at a limited pace: then tenants, thresholds and backlog are looked at anew. */
const CHECK_MS = 300_000;

/** The passing of time, so that a test can replace it. */
@Injectable()
export class PaceTimer {
  /** Milliseconds of a clock that never jumps. */
  now(): number {
    return performance.now();
  }

  wait(ms: number): Promise<void> {
    return delay(ms);
  }
}

/** SESSION_CHECK_MAX_COMPLETIONS_PER_MIN: how fast this process may complete sessions. */
@Injectable()
export class CompletionPace {
  private readonly bucket?: TokenBucket;

  constructor(
    config: Config,
    private readonly timer: PaceTimer,
  ) {
    if (config.maxCompletionsPerMin > 0) this.bucket = new TokenBucket(config.maxCompletionsPerMin);
  }

  /** Whether there is a limit: then lists are read without messages, and each session when its turn comes. */
  get limited(): boolean {
    return this.bucket !== undefined;
  }

  /** @returns when a check that begins now is to begin nothing more */
  deadline(): number {
    return this.bucket ? this.timer.now() + CHECK_MS : Infinity;
  }

  isOver(deadline: number): boolean {
    return this.timer.now() >= deadline;
  }

  /**
   * Waits until sessions may be completed. What is not used is to be given back.
   *
   * @param wanted at most so many
   * @param mayGoOn asked again and again
   * @returns how many; 0 when `mayGoOn` says no
   */
  async take(wanted: number, mayGoOn: () => Promise<boolean>): Promise<number> {
    if (!this.bucket) return wanted;
    for (;;) {
      if (!(await mayGoOn())) return 0;
      const given = this.bucket.take(wanted, this.timer.now());
      if (given > 0) return given;
      await this.timer.wait(Math.min(WAIT_AT_MOST_MS, this.bucket.msUntil(wanted, this.timer.now())));
    }
  }

  giveBack(unused: number): void {
    this.bucket?.giveBack(unused);
  }
}
