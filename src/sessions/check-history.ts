import { Injectable, Logger } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import mongoose, { type Model } from 'mongoose';
import { CHECK_RECORD, type CheckRecord } from './check-record.schema.js';

const KEPT_MS = 7 * 86_400_000;
/** A check that runs every few seconds would else fill the database. */
const KEPT_AT_MOST = 10_000;
/** So many of the newest keep the problems of their tenants, which may be long. */
const WITH_PROBLEMS = 100;
/** Checks of this process. */
const TRIM_EVERY = 100;

/** A check without its problems, as it is listed. */
export type ListedCheck = Omit<CheckRecord, 'problems'>;
/** The problems that a check of a process met. */
export type NotedProblems = Pick<CheckRecord, 'instance' | 'problems'>;

/** The collection `session-checks`: those of a week, of all replicas together, for the operators. */
@Injectable()
export class CheckHistory {
  private readonly logger = new Logger(CheckHistory.name);
  private added = 0;
  /** Up to here the problems are taken out. */
  private withoutProblemsUntil = new Date(0);

  constructor(@InjectModel(CHECK_RECORD) private readonly model: Model<CheckRecord>) {}

  /** One insert. Never rejects; while the database is away nothing is stored, and the check's own log line says so. */
  async add(record: CheckRecord): Promise<void> {
    if (this.model.db.readyState !== mongoose.ConnectionStates.connected) return;
    try {
      await this.model.create(record);
      if (this.added++ % TRIM_EVERY === 0) await this.trim();
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'session-check.not-remembered');
    }
  }

  /** @returns at most `limit` that began at or after `since`, the newest first; @throws the database's error */
  async list(limit: number, since?: Date): Promise<ListedCheck[]> {
    return this.page(limit, since).lean<ListedCheck[]>();
  }

  /** The query behind `list`, for its `explain`. */
  page(limit: number, since?: Date) {
    const began = since ? { startedAt: { $gte: since } } : {};
    return this.model.find(began, { _id: 0, problems: 0 }).sort({ startedAt: -1 }).limit(limit);
  }

  /** @returns the problems of the newest checks, the newest first; @throws the database's error */
  async newestProblems(): Promise<NotedProblems[]> {
    const fields = { _id: 0, instance: 1, problems: 1 };
    return this.model.find({}, fields).sort({ startedAt: -1 }).limit(WITH_PROBLEMS).lean<NotedProblems[]>();
  }

  /** Removes what is too old or too much, and the problems of all but the newest. @throws the database's error */
  async trim(): Promise<void> {
    await this.model.deleteMany({ startedAt: { $lt: new Date(Date.now() - KEPT_MS) } });
    if ((await this.model.estimatedDocumentCount()) > KEPT_AT_MOST) {
      const tooMany = await this.startOf(KEPT_AT_MOST);
      if (tooMany) await this.model.deleteMany({ startedAt: { $lte: tooMany } });
    }
    const until = await this.startOf(WITH_PROBLEMS);
    if (!until) return;
    const startedAt = { $gt: this.withoutProblemsUntil, $lte: until };
    await this.model.updateMany({ startedAt, 'problems.0': { $exists: true } }, { $set: { problems: [] } });
    this.withoutProblemsUntil = until;
  }

  /** @returns when the check began before which there are `newer` newer ones; undefined when there are fewer */
  private async startOf(newer: number): Promise<Date | undefined> {
    const found = this.model.findOne({}, { startedAt: 1 }).sort({ startedAt: -1 }).skip(newer);
    return (await found.lean())?.startedAt;
  }
}
