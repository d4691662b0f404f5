import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { CompletionRepository } from '../completions/completion.repository.js';
import { DestinationRepository } from '../completions/destination.repository.js';
import { oldestDue } from '../completions/oldest-due.js';
import { Clock } from '../persistence/clock.js';

/** In completed sessions, as a part of the high water: how soon a check counts again. */
const COUNT_AGAIN_AFTER = 0.1;

/** The most that one destination counts, as a part of the high water: nobody's trouble alone pauses the check. */
const DESTINATION_COUNTS_AT_MOST = 0.1;
/** Counts under way at once. */
const SIDE_BY_SIDE = 8;

/** What a check found waiting at its start. */
export interface BacklogAtStart {
  /** As `countWaiting` counts: exact up to the high water. */
  backlog: number;
  /** Of the delivery that has been due for longest, open circuits included; 0 when none is due. */
  oldestDueSeconds: number;
}

type Pending = Awaited<ReturnType<DestinationRepository['withBacklog']>>;

/**
 * Stops the session check while more than DELIVERY_BACKLOG_HIGH_WATER deliveries wait for their first attempt: sessions
 * that are not completed yet are safe in hbf-core and cost nothing here. Counted by destination, each up to a tenth of
 * the high water, without what has failed already and without open circuits: a customer whose endpoint fails, hangs or
 * is slow must not keep everybody's sessions open.
 *
 * Counted at the start of each check and after each tenth of the high water in completed sessions, so that the backlog
 * may pass it by the deliveries of these. A count reads an index, no completions.
 */
@Injectable()
export class Backpressure {
  /** Whether the latest count was above the high water. */
  paused = false;

  private readonly logger = new Logger(Backpressure.name);
  private countAgainAt = 0;
  private counting?: Promise<boolean>;
  private atStart?: BacklogAtStart;

  constructor(
    private readonly config: Config,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
    private readonly clock: Clock,
  ) {}

  /** At the start of a check. @returns whether it is to be left out; @throws the database's error */
  begin(): Promise<boolean> {
    this.atStart = undefined;
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

  /** @returns what the latest `begin` found, once; undefined when it could not be read */
  takeAtStart(): BacklogAtStart | undefined {
    const found = this.atStart;
    this.atStart = undefined;
    return found;
  }

  /** How many deliveries wait, a destination counting a tenth of the high water at most; exact up to the high water. */
  async countWaiting(): Promise<number> {
    return this.countIn(await this.destinations.withBacklog());
  }

  private async countIn(pending: Pending): Promise<number> {
    const { backlogHighWater } = this.config;
    const atMost = Math.max(1, Math.ceil(backlogHighWater * DESTINATION_COUNTS_AT_MOST));
    const left = pending.filter(({ openUntil }) => openUntil === undefined).values();
    let waiting = 0;
    const count = async () => {
      for (const { _id: destination } of left) {
        if (waiting > backlogHighWater) return; // more would change nothing
        const counted = await this.completions.countUntried(destination, atMost);
        waiting += counted; // not in one with the wait, during which others add theirs
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, count));
    return waiting;
  }

  /** The scans of a check share a count. */
  private look(completed: number): Promise<boolean> {
    this.counting ??= this.lookOnce(completed).finally(() => (this.counting = undefined));
    return this.counting;
  }

  private async lookOnce(completed: number): Promise<boolean> {
    const pending = await this.destinations.withBacklog();
    const waiting = await this.countIn(pending);
    this.atStart ??= { backlog: waiting, oldestDueSeconds: await this.oldestDueSeconds(pending) };
    const highWater = this.config.backlogHighWater;
    this.countAgainAt = completed + Math.max(1, Math.floor(highWater * COUNT_AGAIN_AFTER));
    if (waiting > highWater && !this.paused) this.logger.warn({ waiting, highWater }, 'session-check.paused');
    if (waiting <= highWater && this.paused) this.logger.log({ waiting, highWater }, 'session-check.resumed');
    this.paused = waiting > highWater;
    return this.paused;
  }

  private async oldestDueSeconds(pending: Pending): Promise<number> {
    const now = this.clock.now();
    return Math.round((now - (await oldestDue(pending, now, this.completions))) / 1000);
  }
}
