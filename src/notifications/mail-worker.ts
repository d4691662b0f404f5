import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Database } from '../persistence/database.js';
import { MailComposer } from './mail-composer.js';
import { type ClaimedMail, type MailNote, MailOutbox } from './mail-outbox.js';
import { MAIL_CONNECTIONS, Mailer, MailNotSentError } from './mailer.js';
import { retryWaitMs } from './mail-retry.js';

/** One look at the outbox in this time is all that an idle process asks of the database. */
const POLL_MS = 30_000;
const OWN_TROUBLE_WAIT_MS = 60_000;
const STOP_WAIT_MS = 3_000;

type Result = 'sent' | 'without-recipients' | 'given-up' | 'refused' | 'server-trouble' | 'own-trouble';

/**
 * Takes notes for mails and sends what is due, in the background: it wakes when a note is due here, and every 30 s for
 * those that other replicas, an earlier process or a retry left. Several replicas may run: a mail is claimed by lease
 * and token. A crash between the server's OK and our own note of it sends that mail again, under the same Message-ID.
 */
@Injectable()
export class MailWorker implements OnApplicationBootstrap, OnModuleDestroy {
  /** What became of the mails in this process, for the metrics. */
  readonly totals: Readonly<Record<Result, number>>;

  private readonly logger = new Logger(MailWorker.name);
  private readonly counts: Record<Result, number> = {
    sent: 0,
    'without-recipients': 0,
    'given-up': 0,
    refused: 0,
    'server-trouble': 0,
    'own-trouble': 0,
  };
  private timer?: NodeJS.Timeout;
  /** Those that send now, each one mail at a time: as many as there are connections, so that none waits in memory. */
  private readonly lanes = new Set<Promise<void>>();
  private active = 0;
  private again = false;
  /** While the mail server is in trouble a poll tries one handful, and the other mails keep their attempts. */
  private serverInTrouble = false;
  private stopping = false;
  private saidNotConfigured = false;

  constructor(
    private readonly database: Database,
    private readonly outbox: MailOutbox,
    private readonly composer: MailComposer,
    private readonly mailer: Mailer,
  ) {
    this.totals = this.counts;
  }

  onApplicationBootstrap(): void {
    if (this.mailer.configured) void this.database.whenReady().then(() => this.start());
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await Promise.race([this.idle(), delay(STOP_WAIT_MS, undefined, { ref: false })]);
    this.mailer.close();
    await this.idle(); // what the closing cut off is given back to the outbox
  }

  /** Notes something to mail. Never rejects: what is told to people must not stop what is done for them. */
  async accept(note: MailNote): Promise<void> {
    if (!this.mailer.configured) {
      this.sayNotConfigured();
      return;
    }
    try {
      if (await this.outbox.add(note)) this.wake();
    } catch (error) {
      this.logger.warn({ topic: note.topic, kind: note.kind, reason: (error as Error).message }, 'mail.not-noted');
    }
  }

  /** Sends what is due, in the background. */
  wake(): void {
    this.serverInTrouble = false;
    this.startLane();
  }

  /** Resolves when nothing is due any more, or the mail server is in trouble; never rejects. */
  async run(): Promise<void> {
    this.wake();
    await this.idle();
  }

  private async idle(): Promise<void> {
    while (this.lanes.size > 0) await Promise.all(this.lanes);
  }

  private start(): void {
    if (this.stopping) return;
    this.timer = setInterval(() => this.wake(), POLL_MS).unref();
    this.wake();
  }

  private startLane(): void {
    this.again = true;
    if (this.stopping || this.serverInTrouble || this.active === MAIL_CONNECTIONS) return;
    this.active++;
    const lane = this.runLane().finally(() => this.lanes.delete(lane));
    this.lanes.add(lane);
  }

  private async runLane(): Promise<void> {
    try {
      while (this.again) {
        this.again = false;
        await this.sendDue();
      }
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'mail.outbox-unreachable');
    } finally {
      this.active--; // in the same turn as the last look at `again`, so that no wake falls in between
    }
  }

  private async sendDue(): Promise<void> {
    while (!this.stopping && !this.serverInTrouble) {
      const mail = await this.outbox.claim();
      if (!mail) return;
      this.startLane(); // looks for the next one while this one is sent
      const result = await this.deliver(mail);
      this.counts[result]++;
      if (result === 'server-trouble') this.serverInTrouble = true;
    }
  }

  private async deliver(mail: ClaimedMail): Promise<Result> {
    try {
      const composed = await this.composer.compose(mail);
      if (!composed) {
        await this.outbox.settle(mail, 0);
        return 'without-recipients';
      }
      const refused = await this.mailer.send(composed);
      const ours = await this.outbox.settle(mail, this.composer.pauseMs(mail));
      this.logger.log({ ...about(mail), recipients: composed.to.length, refused, ours }, 'mail.sent');
      return 'sent';
    } catch (error) {
      if (error instanceof MailNotSentError && !this.stopping) return this.notSent(mail, error);
      return this.giveBack(mail, error as Error);
    }
  }

  private async notSent(mail: ClaimedMail, error: MailNotSentError): Promise<Result> {
    const attempts = (mail.attempts ?? 0) + 1;
    const waitMs = retryWaitMs(attempts, error);
    const { code, responseCode } = error;
    const fields = { ...about(mail), attempts, code, responseCode };
    if (waitMs === null) {
      await this.outbox.settle(mail, 0).catch((e: Error) => this.sayNotSettled(mail, e));
      this.logger.error(fields, 'mail.given-up');
      return 'given-up';
    }
    await this.outbox.release(mail, attempts, waitMs).catch((e: Error) => this.sayNotSettled(mail, e));
    this.logger.warn({ ...fields, nextAttemptInMs: waitMs }, 'mail.not-sent');
    return error.concernsThisMailOnly ? 'refused' : 'server-trouble';
  }

  /** Our own trouble (the database, a stop) spends none of the mail's attempts. */
  private async giveBack(mail: ClaimedMail, error: Error): Promise<Result> {
    this.logger.warn({ ...about(mail), reason: error.message }, 'mail.given-back');
    const waitMs = this.stopping ? 0 : OWN_TROUBLE_WAIT_MS;
    await this.outbox.release(mail, mail.attempts ?? 0, waitMs).catch((e: Error) => this.sayNotSettled(mail, e));
    return 'own-trouble';
  }

  private sayNotSettled(mail: ClaimedMail, error: Error): void {
    this.logger.warn({ ...about(mail), reason: error.message }, 'mail.not-settled');
  }

  private sayNotConfigured(): void {
    if (this.saidNotConfigured) return;
    this.saidNotConfigured = true;
    this.logger.warn({ reason: 'SMTP_HOST is not set' }, 'mail.not-sent');
  }
}

function about({ topic, batch }: ClaimedMail) {
  return { ...topic, mail: batch };
}
