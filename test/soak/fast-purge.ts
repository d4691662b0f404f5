import { DestinationRepository } from '../../src/completions/destination.repository.js';
import { stubOf } from '../support/stub.js';
import { CompletionStore } from '../support/completion-store.js';
import { Config } from '../../src/config/config.js';
import { PurgeJob } from '../../src/deliveries/purge.job.js';
import { MailOutbox } from '../../src/notifications/mail-outbox.js';
import { Clock } from '../../src/persistence/clock.js';
import { Database } from '../../src/persistence/database.js';
import { JobLease } from '../../src/persistence/job-lease.js';
import { leaseModel, mailModel } from '../support/models.js';
import { RETENTION_DAYS } from './world.js';

const DAY_MS = 86_400_000;

/** A clock by which a row that is as old as `keptMs` has reached the retention. */
class AheadClock extends Clock {
  keptMs = 0;

  override now(): number {
    return super.now() + RETENTION_DAYS * DAY_MS - this.keptMs;
  }
}

/**
 * The service's own purge job in this process, as another replica would run it, under a clock that is nearly the whole
 * retention ahead: no row is changed, and a day's retention shows within seconds. The service itself goes by the real
 * time.
 */
export class FastPurge {
  private readonly clock = new AheadClock();
  private readonly database: Database;
  private readonly job: PurgeJob;

  constructor(mongodbUri: string) {
    const config = Object.assign(new Config(), { mongodbUri, retentionDays: RETENTION_DAYS });
    const database = new Database(config, this.clock);
    this.database = database;
    const store = new CompletionStore(database.connection);
    this.job = new PurgeJob(
      config,
      this.clock,
      database,
      new JobLease(leaseModel(database)),
      store.completions,
      store.errors,
      new MailOutbox(mailModel(database), this.clock),
      // of that hour nothing has passed for the service, which may be about to use them
      stubOf(DestinationRepository, { purgeIdle: () => Promise.resolve(0) }),
      store.forgotten,
      store.redeliveries,
    );
  }

  open(): Promise<void> {
    return this.database.open();
  }

  /** Removes what was finished longer than `keptMs` ago. @returns how many completions */
  async run(keptMs: number): Promise<number> {
    this.clock.keptMs = keptMs;
    return (await this.job.run()).completions;
  }

  close(): Promise<void> {
    return this.database.onApplicationShutdown();
  }
}
