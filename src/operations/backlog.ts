import { Injectable } from '@nestjs/common';
import mongoose from 'mongoose';
import { setTimeout as delay } from 'node:timers/promises';
import { CompletionRepository } from '../deliveries/completion.repository.js';
import { DestinationRepository } from '../deliveries/destination.repository.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';

/** What all replicas together owe, as the database tells. */
export interface BacklogFigures {
  /** Of the delivery that has been due for longest; 0 when nothing is due. */
  oldestDueAgeSeconds: number;
  openCircuits: number;
}

/** Probes and scrapes come as often as they like; the database is asked once in this time. */
const FRESH_MS = 10_000;
const ANSWER_WITHIN_MS = 1_000;
/** Their due times are only never too late, so that some may turn out to have nothing due. */
const DESTINATIONS_LOOKED_AT = 20;

/** Looks at the backlog for probes and metrics, sparingly. */
@Injectable()
export class Backlog {
  private latest?: { figures: BacklogFigures; at: number };
  private reading?: Promise<BacklogFigures>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly destinations: DestinationRepository,
    private readonly completions: CompletionRepository,
  ) {}

  /** @returns figures that are at most ten seconds old; undefined when the database does not tell within a second */
  async figures(): Promise<BacklogFigures | undefined> {
    if (this.database.connection.readyState !== mongoose.ConnectionStates.connected) return undefined;
    if (this.latest && performance.now() - this.latest.at < FRESH_MS) return this.latest.figures;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    const late = delay(ANSWER_WITHIN_MS, undefined, { ref: false });
    return Promise.race([this.reading.catch(() => undefined), late]);
  }

  private async read(): Promise<BacklogFigures> {
    const now = this.clock.now();
    const [openCircuits, oldest] = await Promise.all([this.destinations.countOpen(), this.oldestDue(now)]);
    const figures = { openCircuits, oldestDueAgeSeconds: Math.max(0, now - oldest) / 1000 };
    this.latest = { figures, at: performance.now() };
    return figures;
  }

  /** @returns epoch milliseconds; `now` when nothing is due */
  private async oldestDue(now: number): Promise<number> {
    let oldest = now;
    for (const { _id, nextDueAt } of await this.destinations.longestDue(new Date(now), DESTINATIONS_LOOKED_AT)) {
      if (nextDueAt!.getTime() >= oldest) break;
      const due = await this.completions.earliestDue(_id);
      if (due) oldest = Math.min(oldest, due.getTime());
    }
    return oldest;
  }
}
