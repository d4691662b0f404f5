import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { OperatorAlertKind } from './operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';

/** Longer than a mail may take; a process that dies in the middle leaves its mail to others after this. */
const LEASE_MS = 300_000;
const KEPT_MS = 7 * 86_400_000;

/** What a mail is about: there is never more than one unsent mail about the same. */
export type MailTopic =
  | { type: 'integration'; integrationId: number; organizationId: string }
  | { type: 'operators'; kind: OperatorAlertKind; key: string };

export type Fact = string | number | Date | null | readonly (readonly [string, string | number])[];
export type Facts = Record<string, Fact>;

/** Something to mail. The counts of all notes on a topic add up until its mail is sent; of each fact the latest holds. */
export interface MailNote {
  topic: MailTopic;
  kind: string;
  count: number;
  facts: Facts;
  /** Facts that hold only while no earlier note has set them. */
  firstFacts?: Facts;
}

/**
 * One topic, in the collection `mails`: what was noted, what of it was mailed, and when the next mail may go. `dueAt` is
 * there only while something is owed; a claim moves it to the lease's end.
 */
export interface MailDocument {
  _id: string;
  topic: MailTopic;
  /** Everything ever noted, by kind; only grows. */
  counts: Record<string, number>;
  /** What of `counts` was mailed or given up. */
  mailed?: Record<string, number>;
  /** How many notes were taken: tells whether one came while a mail was under way. */
  notes: number;
  facts: Facts;
  /** Names the owed mail; its Message-ID is made of it. */
  batch?: string;
  dueAt?: Date;
  /** No mail on this topic before. */
  notBefore?: Date;
  token?: string;
  /** Attempts at the owed mail that failed. */
  attempts?: number;
  changedAt: Date;
}

export type ClaimedMail = MailDocument & { token: string; batch: string };

/**
 * The queue of owed mails and the memory of sent ones, in one document per topic. So a note is one write, a digest is
 * what has been noted since the last mail, and neither a crash nor a mail server that is away for hours makes more than
 * one mail of it. Written journaled, not buffered: a note that was taken survives a kill.
 */
@Injectable()
export class MailOutbox {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Notes it, due at once or when the topic's interval has passed. @returns whether a mail is due now */
  async add(note: MailNote): Promise<boolean> {
    const now = new Date(this.clock.now());
    const count = `counts.${note.kind}`;
    const first = Object.entries(note.firstFacts ?? {}).map(([k, v]) => [`facts.${k}`, ifNull(`facts.${k}`, v)]);
    const facts = Object.entries(note.facts).map(([k, v]) => [`facts.${k}`, { $literal: v }]);
    const set = {
      topic: { $literal: note.topic },
      [count]: { $add: [ifNull(count, 0), note.count] },
      notes: { $add: [ifNull('notes', 0), 1] },
      batch: ifNull('batch', randomUUID()),
      dueAt: { $ifNull: ['$dueAt', { $max: [now, '$notBefore'] }] },
      changedAt: now,
      ...(Object.fromEntries([...first, ...facts]) as Record<string, object>),
    };
    const options = { upsert: true, returnDocument: 'after', projection: { dueAt: 1 } } as const;
    const mail = await this.mails.findOneAndUpdate({ _id: idOf(note.topic) }, [{ $set: set }], options);
    return mail!.dueAt! <= now;
  }

  /** Takes the mail that has been due for longest, for five minutes. @returns null when none is due */
  async claim(): Promise<ClaimedMail | null> {
    const now = this.clock.now();
    const taken = { $set: { dueAt: new Date(now + LEASE_MS), token: randomUUID() } };
    const options = { sort: { dueAt: 1 }, returnDocument: 'after' } as const;
    return (await this.mails.findOneAndUpdate(
      { dueAt: { $lte: new Date(now) } },
      taken,
      options,
    )) as ClaimedMail | null;
  }

  /**
   * Nothing of what was claimed is owed any more: it was sent, given up or has no recipient. What was noted meanwhile is
   * owed after `pauseMs`.
   *
   * @returns false when the lease had passed and another has the mail
   */
  async settle(mail: ClaimedMail, pauseMs: number): Promise<boolean> {
    const now = this.clock.now();
    const notBefore = new Date(now + pauseMs);
    const ifMore = (value: unknown) => ({ $cond: [{ $gt: ['$notes', mail.notes] }, value, '$$REMOVE'] });
    const set = {
      mailed: { $literal: mail.counts },
      notBefore,
      dueAt: ifMore(notBefore),
      batch: ifMore(randomUUID()),
      changedAt: new Date(now),
    };
    return this.write(mail, [{ $set: set }, { $unset: ['token', 'attempts'] }]);
  }

  /** Gives the mail back, due again after `waitMs`. @returns false when the lease had passed and another has the mail */
  async release(mail: ClaimedMail, attempts: number, waitMs: number): Promise<boolean> {
    const now = this.clock.now();
    const set = { dueAt: new Date(now + waitMs), attempts, changedAt: new Date(now) };
    return this.write(mail, { $set: set, $unset: { token: 1 } });
  }

  /**
   * Forgets the topics that nothing was noted on and nothing was sent of for seven days: mails that were sent or given
   * up, and those that nobody sends because SMTP_HOST was taken away.
   *
   * @param now epoch milliseconds
   * @returns how many were forgotten
   */
  async purge(now: number): Promise<number> {
    const { deletedCount } = await this.mails.deleteMany({ changedAt: { $lt: new Date(now - KEPT_MS) } });
    return deletedCount;
  }

  private async write(mail: ClaimedMail, change: object | object[]): Promise<boolean> {
    return (await this.mails.updateOne({ _id: mail._id, token: mail.token }, change)).matchedCount === 1;
  }

  private get mails() {
    return this.database.connection.collection<MailDocument>('mails');
  }
}

/** @returns what of `mail` is owed, by kind */
export function owedCounts(mail: Pick<MailDocument, 'counts' | 'mailed'>): Record<string, number> {
  const owed = Object.entries(mail.counts).map(([kind, n]) => [kind, n - (mail.mailed?.[kind] ?? 0)] as const);
  return Object.fromEntries(owed.filter(([, n]) => n > 0));
}

function idOf(topic: MailTopic): string {
  return topic.type === 'integration' ? `integration:${topic.integrationId}` : `operators:${topic.kind}:${topic.key}`;
}

function ifNull(path: string, otherwise: Fact) {
  return { $ifNull: [`$${path}`, { $literal: otherwise }] };
}
