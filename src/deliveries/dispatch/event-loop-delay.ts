import { Injectable } from '@nestjs/common';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const WINDOW_MS = 250;

/**
 * How late this process's own event loop is: an answer that waited for us looks like one of a slow receiver. Measured
 * only while attempts are under way, so that an idle process is not woken for it.
 */
@Injectable()
export class EventLoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private previousMs = 0;
  private since = 0;

  start(): void {
    this.histogram.enable();
  }

  stop(): void {
    this.histogram.disable();
  }

  /** The longest delay of about the last half second, in milliseconds. */
  get lateMs(): number {
    const presentMs = Math.max(0, this.histogram.max / 1e6 - RESOLUTION_MS);
    const now = performance.now();
    if (now - this.since < WINDOW_MS) return Math.max(presentMs, this.previousMs);
    this.since = now;
    const lateMs = Math.max(presentMs, this.previousMs);
    this.previousMs = presentMs;
    this.histogram.reset();
    return lateMs;
  }
}
