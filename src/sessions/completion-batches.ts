import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import type { CheckRun } from './check-run.js';
import type { ReadSession } from './delivery-plan.js';
import { type CompletionResult, SessionCompleter } from './session-completer.js';

/** A batch that is not full closes so long after its first session, unless another one is being completed. */
const CLOSE_AFTER_MS = 50;
/** Then it takes more sessions until that one has ended, but no longer than this: it may have a refused session in it. */
const CLOSE_LATEST_MS = 250;
/** Sessions that are read and wait, in full batches, before further lists are asked for. */
const BATCHES_READ_AHEAD = 2;

/** The key of the batch that takes the sessions of all tenants. */
const ALL = '';

/** hbf-core, or the database, failed while a batch was completed: no single tenant is to blame. */
export class CompletionFailedError extends Error {
  constructor(override readonly cause: Error) {
    super(cause.message, { cause });
    this.name = 'CompletionFailedError';
  }
}

class Batch {
  readonly sessions: ReadSession[] = [];
  readonly done: Promise<Map<string, CompletionResult>>;
  timer?: NodeJS.Timeout;
  /** Closes as soon as no other batch is being completed. */
  due = false;
  finish!: (results: Promise<Map<string, CompletionResult>>) => void;

  constructor() {
    this.done = new Promise((resolve) => (this.finish = resolve));
  }
}

/**
 * Gathers the sessions that the scans of all tenants have read, and has them completed together: an intent, a PATCH and
 * a write of outcomes cost hbf-core and the database about as much for one session as for fifty. A batch never waits for
 * a list. The busier this process, hbf-core and the database, the larger the batches.
 */
@Injectable()
export class CompletionBatches {
  /** Those that still take sessions: one for all tenants, and one for each whose sessions are completed apart. */
  private readonly open = new Map<string, Batch>();
  /** Batches of all tenants that are being completed. */
  private underWay = 0;
  /** Sessions that are read, and of which hbf-core was not told yet. */
  private waiting = 0;
  private readonly waitingForRoom: (() => void)[] = [];

  constructor(
    private readonly config: Config,
    private readonly firstAttempts: FirstAttempts,
    private readonly completer: SessionCompleter,
  ) {}

  /** Waits until few enough sessions wait to be completed. */
  async room(): Promise<void> {
    while (this.waiting >= BATCHES_READ_AHEAD * this.config.sessionPageSize) {
      await new Promise<void>((resolve) => this.waitingForRoom.push(resolve));
    }
  }

  /**
   * Has sessions of one tenant completed, together with those of others.
   *
   * @returns what became of each, by session id
   * @throws CompletionFailedError; what was written down is left to the recovery
   */
  async complete(sessions: readonly ReadSession[], run: CheckRun): Promise<Map<string, CompletionResult>> {
    const batches = new Set<Batch>();
    this.waiting += sessions.length;
    for (const session of sessions) {
      const key = run.apart.has(session.tenant.id) ? session.tenant.id : ALL;
      batches.add(this.put(session, key));
    }
    const results = new Map<string, CompletionResult>();
    for (const done of await Promise.all([...batches].map((batch) => batch.done))) {
      for (const { id } of sessions) if (done.has(id)) results.set(id, done.get(id)!);
    }
    return results;
  }

  private put(session: ReadSession, key: string): Batch {
    let batch = this.open.get(key);
    if (!batch) {
      const opened = (batch = new Batch());
      this.open.set(key, opened);
      opened.timer = setTimeout(() => this.timeIsOver(key, opened), CLOSE_AFTER_MS);
    }
    batch.sessions.push(session);
    if (batch.sessions.length >= this.config.sessionPageSize) this.close(key, batch);
    return batch;
  }

  private timeIsOver(key: string, batch: Batch): void {
    if (key !== ALL || this.underWay === 0) return this.close(key, batch);
    batch.due = true;
    batch.timer = setTimeout(() => this.close(key, batch), CLOSE_LATEST_MS - CLOSE_AFTER_MS);
  }

  private close(key: string, batch: Batch): void {
    clearTimeout(batch.timer);
    this.open.delete(key);
    const results = this.completeBatch(batch.sessions);
    batch.finish(key === ALL ? this.counted(results) : results);
  }

  private async counted<T>(completing: Promise<T>): Promise<T> {
    this.underWay++;
    try {
      return await completing;
    } finally {
      this.underWay--;
      const next = this.open.get(ALL);
      if (next?.due) this.close(ALL, next);
    }
  }

  private async completeBatch(sessions: readonly ReadSession[]): Promise<Map<string, CompletionResult>> {
    const runs = new Set(sessions.map(({ run }) => run));
    try {
      const permits = await this.firstAttempts.reserve(sessions.length);
      try {
        const results = await this.completer.complete(sessions);
        for (const run of runs) run.guard.completed();
        for (const { id, source } of sessions) if (results.get(id) !== 'completed') source.close();
        return results;
      } finally {
        permits.release();
      }
    } catch (error) {
      for (const run of runs) run.guard.completionFailed(error as Error);
      for (const { source } of sessions) source.close();
      throw new CompletionFailedError(error as Error);
    } finally {
      this.waiting -= sessions.length;
      this.waitingForRoom.splice(0).forEach((wake) => wake());
    }
  }
}
