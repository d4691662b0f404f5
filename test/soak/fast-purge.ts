import { Config } from '../../src/config/config.js';
import { CompletionRepository } from '../../src/deliveries/completion.repository.js';
import { IntegrationErrorRepository } from '../../src/deliveries/integration-error.repository.js';
import { PurgeJob } from '../../src/deliveries/purge.job.js';
import { MailOutbox } from '../../src/notifications/mail-outbox.js';
import { Clock } from '../../src/persistence/clock.js';
import { Database } from '../../src/persistence/database.js';
import { JobLease } from '../../src/persistence/job-lease.js';
import { RETENTION_DAYS } from './world.js';

const DAY_MS = 86_400_000;

/** Goes by the time at which what is as old as `keptMs` has reached the retention. */
class AheadClock extends Clock {
  keptMs = 0;

  override now(): number {
    return super.now() + RETENTION_DAYS * DAY_MS - this.keptMs;
  }
}

/**
 * The service's own purge job in this process, as another replica would run it, under a clock that is nearly the whole
 * retention ahead: nothing in the database is moved, and a day's retention shows within seconds. The rest of the
 * service goes by the real time.
 */
export class FastPurge {
  private readonly clock = new AheadClock();
  private readonly database: Database;
  private readonly job: PurgeJob;

  constructor(mongodbUri: string) {
    const config = Object.assign(new Config(), { mongodbUri, retentionDays: RETENTION_DAYS });
    const database = new Database(config, this.clock);
    this.database = database;
    this.job = new PurgeJob(
      config,
      this.clock,
      database,
      new JobLease(database),
      new CompletionRepository(database),
      new IntegrationErrorRepository(database),
      new MailOutbox(database, this.clock),
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
