import { Injectable, Logger } from '@nestjs/common';

/** Lists over which the median is taken. */
const WINDOW = 50;
/** A list by tenant, status and time that takes longer in the median is not served from an index. */
const SLOW_MEDIAN_MS = 250;

/**
 * How long hbf-core takes for a tenant's list of sessions. That an index serves it is inferred, not known
 * (docs/platform.md): where it does not, the session check asks for fewer lists at a time.
 */
@Injectable()
export class ListTiming {
  /** Of the latest lists, in milliseconds; undefined before there are enough of them. */
  medianMs?: number;

  private readonly logger = new Logger(ListTiming.name);
  private durations: number[] = [];
  private slow = false;

  /**
   * Notes how long a list took.
   *
   * @param atOnce how many lists are asked for at a time
   * @returns how many to ask for from now on, at most `most`
   */
  note(durationMs: number, atOnce: number, most: number): number {
    this.durations.push(durationMs);
    if (this.durations.length < WINDOW) return atOnce;
    this.durations.sort((a, b) => a - b);
    this.medianMs = Math.round(this.durations[WINDOW / 2]!);
    this.durations = [];
    const slow = this.medianMs > SLOW_MEDIAN_MS;
    if (slow && !this.slow) this.logger.warn({ medianMs: this.medianMs }, 'session-check.lists-slow');
    this.slow = slow;
    return slow ? Math.max(1, Math.floor(atOnce / 2)) : Math.min(most, atOnce + 1);
  }
}
