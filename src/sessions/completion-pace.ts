import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { TokenBucket } from './token-bucket.js';

/** A long wait is cut in pieces, to hear of a stop and to keep the leases. */
const WAIT_AT_MOST_MS = 500;

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

  get limited(): boolean {
    return this.bucket !== undefined;
  }

  /**
   * Waits until some of the `wanted` sessions may be completed.
   *
   * @param mayGoOn asked again and again
   * @returns how many; 0 when `mayGoOn` says no
   */
  async next(wanted: number, mayGoOn: () => Promise<boolean>): Promise<number> {
    for (;;) {
      if (!(await mayGoOn())) return 0;
      const given = this.bucket ? this.bucket.take(wanted, this.timer.now()) : wanted;
      if (given > 0) return given;
      await this.timer.wait(Math.min(WAIT_AT_MOST_MS, this.bucket!.msUntil(wanted, this.timer.now())));
    }
  }
}
