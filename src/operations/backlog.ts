import { Injectable } from '@nestjs/common';
import mongoose from 'mongoose';
import { setTimeout as delay } from 'node:timers/promises';
import { CompletionRepository } from '../completions/completion.repository.js';
import { DestinationRepository } from '../completions/destination.repository.js';
import { oldestDue } from '../completions/oldest-due.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';

/** The backlog of all replicas together, from the database. */
export interface BacklogFigures {
  /** Of the delivery that has been due for longest; 0 when nothing is due. */
  oldestDueAgeSeconds: number;
  openCircuits: number;
}

/** However often probes and scrapes come, the database is asked once in this time. */
const FRESH_MS = 10_000;
const ANSWER_WITHIN_MS = 1_000;
const DESTINATIONS_LOOKED_AT = 20;

/** Reads the backlog for probes and metrics, at most once in ten seconds. */
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

  /** @returns figures that are at most ten seconds old; undefined when the database does not answer within a second */
  async figures(): Promise<BacklogFigures | undefined> {
    if (this.database.connection.readyState !== mongoose.ConnectionStates.connected) return undefined;
    if (this.latest && performance.now() - this.latest.at < FRESH_MS) return this.latest.figures;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    const late = delay(ANSWER_WITHIN_MS, undefined, { ref: false });
    return Promise.race([this.reading.catch(() => undefined), late]);
  }

  private async read(): Promise<BacklogFigures> {
    const now = this.clock.now();
    const [openCircuits, announced] = await Promise.all([
      this.destinations.countOpen(),
      this.destinations.longestDue(new Date(now), DESTINATIONS_LOOKED_AT),
    ]);
    const oldest = await oldestDue(announced, now, this.completions);
    const figures = { openCircuits, oldestDueAgeSeconds: Math.max(0, now - oldest) / 1000 };
    this.latest = { figures, at: performance.now() };
    return figures;
  }
}
