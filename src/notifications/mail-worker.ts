import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Database } from '../persistence/database.js';
import { MailComposer } from './mail-composer.js';
import type { MailNote } from './mail-notes.js';
import { type ClaimedMail, MailOutbox } from './mail-outbox.js';
import { MAIL_CONNECTIONS, Mailer, MailNotSentError } from './mailer.js';
import type { MailTopic } from './mail.schema.js';
import { retryWaitMs } from './mail-retry.js';

/** An idle process reads the outbox once in this time. */
const POLL_MS = 30_000;
const OWN_TROUBLE_WAIT_MS = 60_000;
const STOP_WAIT_MS = 3_000;

type Result = 'sent' | 'without-recipients' | 'given-up' | 'refused' | 'server-trouble' | 'own-trouble';

/**
 * Stores notes for mails and sends due mails in the background: when a note of this process is due, and every 30 s for
 * mails of other replicas, of an earlier process, and for retries. Several replicas may run: a mail is claimed by lease
 * and token. After a crash between the server's OK and the write that settles the mail, it is sent again, under the same
 * Message-ID.
 */
@Injectable()
export class MailWorker implements OnApplicationBootstrap, OnModuleDestroy {
  /** How many mails of this process ended in which way, for the metrics. */
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
  /** Each sends one mail at a time. At most MAIL_CONNECTIONS, so that a claimed mail never waits for a connection. */
  private readonly senders = new Set<Promise<void>>();
  private active = 0;
  private again = false;
  /** Stops the senders until the next wake: mails that were not tried spend no attempt on a server that is away. */
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
    await this.idle(); // mails that the closing interrupted are given back to the outbox
  }

  /** Stores a note. Never rejects: a mail that cannot be stored must not stop the work that it is about. */
  async accept(note: MailNote): Promise<void> {
    if (!this.mailer.configured) {
      this.sayNotConfigured();
      return;
    }
    try {
      if (await this.outbox.add(note)) this.wake();
    } catch (error) {
      this.logger.warn({ ...about(note.topic), kind: note.kind, reason: (error as Error).message }, 'mail.not-noted');
    }
  }

  /** Sends what is due, in the background. */
  wake(): void {
    this.serverInTrouble = false;
    this.startSender();
  }

  /** Resolves when nothing is due any more, or the mail server is in trouble; never rejects. */
  async run(): Promise<void> {
    this.wake();
    await this.idle();
  }

  private async idle(): Promise<void> {
    while (this.senders.size > 0) await Promise.all(this.senders);
  }

  private start(): void {
    if (this.stopping) return;
    this.timer = setInterval(() => this.wake(), POLL_MS).unref();
    this.wake();
  }

  private startSender(): void {
    this.again = true;
    if (this.stopping || this.serverInTrouble || this.active === MAIL_CONNECTIONS) return;
    this.active++;
    const sender = this.runSender().finally(() => this.senders.delete(sender));
    this.senders.add(sender);
  }

  private async runSender(): Promise<void> {
    try {
      while (this.again) {
        this.again = false;
        await this.sendDue();
      }
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'mail.outbox-unreachable');
    } finally {
      this.active--; // in the same turn as the last check of `again`, so that no wake is missed between them
    }
  }

  private async sendDue(): Promise<void> {
    while (!this.stopping && !this.serverInTrouble) {
      const mail = await this.outbox.claim();
      if (!mail) return;
      this.startSender(); // another sender looks for the next mail while this one is sent
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
      await this.mailer.send(composed);
      const ours = await this.outbox.settle(mail, this.composer.pauseMs(mail));
      this.logger.log({ ...aboutMail(mail), ours }, 'mail.sent');
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
    const fields = { ...aboutMail(mail), attempts, code, responseCode };
    if (waitMs === null) {
      await this.outbox.settle(mail, 0).catch((e: Error) => this.sayNotSettled(mail, e));
      this.logger.error(fields, 'mail.given-up');
      return 'given-up';
    }
    await this.outbox.release(mail, attempts, waitMs).catch((e: Error) => this.sayNotSettled(mail, e));
    this.logger.warn({ ...fields, nextAttemptInMs: waitMs }, 'mail.not-sent');
    return error.concernsThisMailOnly ? 'refused' : 'server-trouble';
  }

  /** A failure on our side (the database, a stop) spends none of the mail's attempts. */
  private async giveBack(mail: ClaimedMail, error: Error): Promise<Result> {
    this.logger.warn({ ...aboutMail(mail), reason: error.message }, 'mail.given-back');
    const waitMs = this.stopping ? 0 : OWN_TROUBLE_WAIT_MS;
    await this.outbox.release(mail, mail.attempts ?? 0, waitMs).catch((e: Error) => this.sayNotSettled(mail, e));
    return 'own-trouble';
  }

  private sayNotSettled(mail: ClaimedMail, error: Error): void {
    this.logger.warn({ ...aboutMail(mail), reason: error.message }, 'mail.not-settled');
  }

  private sayNotConfigured(): void {
    if (this.saidNotConfigured) return;
    this.saidNotConfigured = true;
    this.logger.warn({ reason: 'SMTP_HOST is not set' }, 'mail.not-sent');
  }
}

function aboutMail({ topic, batch }: ClaimedMail) {
  return { ...about(topic), mail: batch };
}

/** No address of a recipient gets into the log. */
function about({ recipient: _, ...topic }: MailTopic) {
  return topic;
}
