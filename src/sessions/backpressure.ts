import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { CompletionRepository } from '../completions/completion.repository.js';
import { DestinationRepository } from '../completions/destination.repository.js';

/** In completed sessions, as a part of the high water: how soon a check counts again. */
const COUNT_AGAIN_AFTER = 0.1;

/**
 * Stops the session check while more than DELIVERY_BACKLOG_HIGH_WATER deliveries are pending: sessions that are not
 * completed yet are safe in hbf-core and cost nothing here. Retries count too, but not the deliveries of a webhook whose
 * circuit is open: one customer's failing endpoint must not keep everybody's sessions open.
 *
 * Counted at the start of each check and after each tenth of the high water in completed sessions, so that the backlog
 * may pass it by the deliveries of these. A count reads at most as many completions as the high water, plus one.
 */
@Injectable()
export class Backpressure {
  /** Whether the latest count was above the high water. */
  paused = false;

  private readonly logger = new Logger(Backpressure.name);
  private countAgainAt = 0;
  private counting?: Promise<boolean>;

  constructor(
    private readonly config: Config,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
  ) {}

  /** At the start of a check. @returns whether it is to be left out; @throws the database's error */
  begin(): Promise<boolean> {
    return this.look(0);
  }

  /**
   * In the course of a check.
   *
   * @param completed sessions completed by it so far
   * @returns whether it is to stop
   */
  async tooHigh(completed: number): Promise<boolean> {
    return completed < this.countAgainAt ? this.paused : this.look(completed);
  }

  /** How many deliveries are pending; an exact number only up to the high water. */
  async countWaiting(): Promise<number> {
    const { backlogHighWater } = this.config;
    const all = await this.completions.countPending([], backlogHighWater);
    if (all <= backlogHighWater) return all;
    return this.completions.countPending(await this.destinations.openWebhooks(), backlogHighWater);
  }

  /** The scans of a check share a count. */
  private look(completed: number): Promise<boolean> {
    this.counting ??= this.lookOnce(completed).finally(() => (this.counting = undefined));
    return this.counting;
  }

  private async lookOnce(completed: number): Promise<boolean> {
    const waiting = await this.countWaiting();
    const highWater = this.config.backlogHighWater;
    this.countAgainAt = completed + Math.max(1, Math.floor(highWater * COUNT_AGAIN_AFTER));
    if (waiting > highWater && !this.paused) this.logger.warn({ waiting, highWater }, 'session-check.paused');
    if (waiting <= highWater && this.paused) this.logger.log({ waiting, highWater }, 'session-check.resumed');
    this.paused = waiting > highWater;
    return this.paused;
  }
}
