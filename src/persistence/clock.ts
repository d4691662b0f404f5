import { Injectable } from '@nestjs/common';

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

  /** @param serverTime what the server answered; @param sentAt, @param receivedAt this machine's clock around the call */
  correct(serverTime: number, sentAt: number, receivedAt: number): void {
    this.offsetMs = Math.round(serverTime - (sentAt + receivedAt) / 2);
  }
}
