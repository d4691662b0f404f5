import { Injectable, Logger } from '@nestjs/common';
import mongoose from 'mongoose';
import { Database } from '../persistence/database.js';
import type { CheckFigures } from './check-figures.js';

/** One session check as it is remembered. */
export interface CheckRecord {
  startedAt: Date;
  durationMs: number;
  trigger: 'schedule' | 'on-demand';
  outcome: 'finished' | 'failed';
  /** Of a failed check: which service, route and kind of failure. */
  reason?: string;
  figures?: CheckFigures;
}

const KEPT = 100;
const TRIM_AFTER = 20;

/** The last session checks of all replicas together, for operators. Collection `session-checks`. */
@Injectable()
export class CheckHistory {
  private readonly logger = new Logger(CheckHistory.name);
  private added = 0;

  constructor(private readonly database: Database) {}

  private get checks() {
    return this.database.connection.collection<CheckRecord>('session-checks');
  }

  /** One insert. Never rejects; nothing is remembered while the database is away, and the check itself says so. */
  async add(record: CheckRecord): Promise<void> {
    if (this.database.connection.readyState !== mongoose.ConnectionStates.connected) return;
    try {
      await this.checks.insertOne({ ...record });
      if (this.added++ % TRIM_AFTER === 0) await this.trim();
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'session-check.not-remembered');
    }
  }

  /** @returns the last hundred, the newest first; @throws the database's error */
  list(): Promise<CheckRecord[]> {
    return this.checks
      .find({}, { projection: { _id: 0 } })
      .sort({ startedAt: -1 })
      .limit(KEPT)
      .toArray();
  }

  private async trim(): Promise<void> {
    const [first] = await this.checks.find({}, { projection: { startedAt: 1 } }).sort({ startedAt: -1 }).skip(KEPT).limit(1).toArray(); // prettier-ignore
    if (first) await this.checks.deleteMany({ startedAt: { $lte: first.startedAt } });
  }
}
