import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Config } from '../config/config.js';
import { MailOutbox } from '../notifications/mail-outbox.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { JobLease } from '../persistence/job-lease.js';
import { DestinationRepository } from '../completions/destination.repository.js';
import { ForgottenWork } from '../completions/forgotten-work.js';
import { CompletionRepository } from '../completions/completion.repository.js';
import { RedeliveryRepository } from '../completions/redelivery.repository.js';
import { IntegrationErrorRepository } from '../completions/integration-error.repository.js';

const EVERY_MS = 3_600_000;
const LEASE_MS = 1_800_000;
const BATCH = 1_000;
/** A destination that has something due again sooner keeps its document. */
const IDLE_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Removes finished completions, integration errors, mails and requests to send again past their retention, and the documents of idle
 * destinations: TTL indexes do not act on every engine. Announces the due times that nobody announces.
 */
@Injectable()
export class PurgeJob {
  private readonly logger = new Logger(PurgeJob.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly database: Database,
    private readonly lease: JobLease,
    private readonly completions: CompletionRepository,
    private readonly integrationErrors: IntegrationErrorRepository,
    private readonly mails: MailOutbox,
    private readonly destinations: DestinationRepository,
    private readonly forgotten: ForgottenWork,
    private readonly redeliveries: RedeliveryRepository,
  ) {}

  @Interval('purge', EVERY_MS)
  async tick(): Promise<void> {
    await this.database.whenReady();
    try {
      if (await this.lease.take('purge', LEASE_MS)) await this.run();
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'purge.failed');
    }
  }

  /** @returns how many completions and errors were removed */
  async run(): Promise<{ completions: number; errors: number }> {
    const before = new Date(this.clock.now() - this.config.retentionDays * DAY_MS);
    const closed = await this.completions.closeLeftOpen();
    let removed = 0;
    for (let batch = BATCH; batch === BATCH; removed += batch) batch = await this.completions.purge(before, BATCH);
    const errors = await this.integrationErrors.purge(before);
    const mails = await this.mails.purge(this.clock.now());
    const redeliveries = await this.redeliveries.purge(before);
    await this.forgotten.announce();
    const destinations = await this.destinations.purgeIdle(new Date(this.clock.now() - IDLE_MS));
    this.logger.log({ completions: removed, errors, mails, redeliveries, destinations, closed }, 'purge.finished');
    return { completions: removed, errors };
  }
}
