import { Injectable } from '@nestjs/common';

/** What the database's clock said, and this machine's around the question; epoch milliseconds. */
export interface ClockReading {
  serverTime: number;
  sentAt: number;
  receivedAt: number;
}

/**
 * The time that leases and due times are reckoned in: this machine's clock, corrected by how far the database
 * server's differs (Database measures that). Replicas whose clocks are half a minute apart so agree on a lease's end.
 */
@Injectable()
export class Clock {
  private offsetMs = 0;

  /** Whole milliseconds since the epoch, in the database server's time. */
  now(): number {
    return Date.now() + this.offsetMs;
  }

  /**
   * Goes by the quickest of the readings: how far one can be wrong is half of what it took, and that is much where this
   * process had to wait, or was stopped, in the middle of it.
   */
  correct(readings: readonly ClockReading[]): void {
    const took = ({ sentAt, receivedAt }: ClockReading) => receivedAt - sentAt;
    const [quickest] = [...readings].sort((one, other) => took(one) - took(other));
    if (quickest) this.offsetMs = Math.round(quickest.serverTime - (quickest.sentAt + quickest.receivedAt) / 2);
  }
}
