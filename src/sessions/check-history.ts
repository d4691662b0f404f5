import { Injectable, Logger } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import mongoose, { type Model } from 'mongoose';
import { CHECK_RECORD, type CheckRecord } from './check-record.schema.js';

const KEPT = 100;
const TRIM_AFTER = 20;

/** The collection `session-checks`: the last hundred or so of all replicas together, for the operators. */
@Injectable()
export class CheckHistory {
  private readonly logger = new Logger(CheckHistory.name);
  private added = 0;

  constructor(@InjectModel(CHECK_RECORD) private readonly model: Model<CheckRecord>) {}

  /** One insert. Never rejects; while the database is away nothing is stored, and the check's own log line says so. */
  async add(record: CheckRecord): Promise<void> {
    if (this.model.db.readyState !== mongoose.ConnectionStates.connected) return;
    try {
      await this.model.create(record);
      if (++this.added % TRIM_AFTER === 0) await this.trim();
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'session-check.not-remembered');
    }
  }

  /** @returns the last hundred, the newest first; @throws the database's error */
  async list(): Promise<CheckRecord[]> {
    return this.model.find({}, { _id: 0 }).sort({ startedAt: -1 }).limit(KEPT).lean<CheckRecord[]>();
  }

  private async trim(): Promise<void> {
    const first = await this.model.findOne({}, { startedAt: 1 }).sort({ startedAt: -1 }).skip(KEPT).lean();
    if (first) await this.model.deleteMany({ startedAt: { $lte: first.startedAt } });
  }
}
