import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Completion } from '../deliveries/completion.js';
import { DUE_INDEX } from '../deliveries/completion.repository.js';
import type { Destination } from '../deliveries/destination.repository.js';
import { Database } from '../persistence/database.js';

/** In completed sessions, as a part of the high water: how soon a check counts again. */
const COUNT_AGAIN_AFTER = 0.1;
const MAX_OPEN_CIRCUITS = 1_000;
/** A delivery has a due time for as long as it is owed. */
const OWED = new Date(0);

/**
 * Stops the session check while more than DELIVERY_BACKLOG_HIGH_WATER deliveries wait: what is not completed yet is
 * safe in hbf-core and costs nothing here. Deliveries count that are owed, retries included; not those of a webhook
 * whose circuit is open, as one customer's dead endpoint must not keep everybody's sessions open.
 *
 * Counted at the start of each check and after each tenth of the high water in completed sessions, so that the backlog
 * may pass it by what these owe. A count reads at most as many completions as the high water, plus one.
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
    private readonly database: Database,
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

  /** How many deliveries wait; an exact number only up to the high water. */
  async countWaiting(): Promise<number> {
    const destination = { $nin: await this.deadWebhooks() };
    const waiting = {
      open: true,
      state: 'completed' as const,
      deliveries: { $elemMatch: { destination, dueAt: { $gt: OWED } } },
    };
    const counts = {
      $and: [{ $gt: ['$$one.dueAt', OWED] }, { $not: { $in: ['$$one.destination', destination.$nin] } }],
    };
    const [sum] = await this.database.connection
      .collection<Completion>('completions')
      .aggregate<{ waiting: number }>(
        [
          { $match: waiting },
          { $limit: this.config.backlogHighWater + 1 },
          { $project: { waiting: { $size: { $filter: { input: '$deliveries', as: 'one', cond: counts } } } } },
          { $group: { _id: null, waiting: { $sum: '$waiting' } } },
        ],
        { hint: DUE_INDEX },
      )
      .toArray();
    return sum?.waiting ?? 0;
  }

  private async deadWebhooks(): Promise<string[]> {
    const open = await this.database.connection
      .collection<Destination>('destinations')
      .find({ _id: { $gte: 'webhook:', $lt: 'webhook;' }, openUntil: { $exists: true } }, { projection: { _id: 1 } })
      .limit(MAX_OPEN_CIRCUITS)
      .toArray();
    return open.map(({ _id }) => _id);
  }

  /** The shards of a check share a count. */
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
