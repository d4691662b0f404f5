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

  /** Whole milliseconds since the epoch, in the database server's time. */
  now(): number {
    return Date.now() + this.offsetMs;
  }

  /**
   * Uses the quickest of the readings: a reading can be wrong by half of its duration, which is long when this process
   * waited or was stopped during it.
   */
  correct(readings: readonly ClockReading[]): void {
    const took = ({ sentAt, receivedAt }: ClockReading) => receivedAt - sentAt;
    const [quickest] = [...readings].sort((one, other) => took(one) - took(other));
    if (quickest) this.offsetMs = Math.round(quickest.serverTime - (quickest.sentAt + quickest.receivedAt) / 2);
  }
}
