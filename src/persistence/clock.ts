import { Injectable } from '@nestjs/common';

/** The database server's time, and this machine's before and after asking for it; epoch milliseconds. */
export interface ClockReading {
  serverTime: number;
  sentAt: number;
  receivedAt: number;
}

/**
 * The time that leases and due times are written in: this machine's clock plus its measured difference from the
 * database server's (Database measures it). So replicas whose clocks are half a minute apart agree on a lease's end.
 */
@Injectable()
export class Clock {
  private offsetMs = 0;
  /** The database server's time minus the monotonic time; undefined before the first correction. */
  private steadyOffsetMs?: number;

  /** Whole milliseconds since the epoch, in the database server's time. */
  now(): number {
    return Date.now() + this.offsetMs;
  }

  /**
   * As now(), by this process' monotonic time since the latest correction: it does not follow when somebody sets this
   * machine's clock, as now() does until the next correction.
   */
  steadyNow(): number {
    return this.steadyOffsetMs === undefined ? this.now() : Math.round(performance.now() + this.steadyOffsetMs);
  }

  /**
   * Uses the quickest of the readings: a reading can be wrong by half of its duration, which is long when this process
   * waited or was stopped during it.
   */
  correct(readings: readonly ClockReading[]): void {
    const took = ({ sentAt, receivedAt }: ClockReading) => receivedAt - sentAt;
    const [quickest] = [...readings].sort((one, other) => took(one) - took(other));
    if (!quickest) return;
    this.offsetMs = Math.round(quickest.serverTime - (quickest.sentAt + quickest.receivedAt) / 2);
    this.steadyOffsetMs = Date.now() + this.offsetMs - performance.now();
  }
}
