import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, UpdateQuery, UpdateWithAggregationPipeline } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { Clock } from '../persistence/clock.js';
import { type Fact, type Facts, MAIL, type MailDocument, type MailTopic } from './mail.schema.js';

/** Longer than sending a mail can take; after this another replica may claim the mail of a process that died. */
const LEASE_MS = 300_000;
const KEPT_MS = 7 * 86_400_000;

/** An event to mail. Until the topic's mail is sent, counts of its notes add up and newer facts replace older ones. */
export interface MailNote {
  topic: MailTopic;
  kind: string;
  count: number;
  facts: Facts;
  /** Facts that are set only where no earlier note has set them. */
  firstFacts?: Facts;
}

export type ClaimedMail = MailDocument & { token: string; batch: string };

/**
 * The outbox of mails: the unsent ones, and what was sent on each topic, in one document per topic (collection `mails`).
 * So a note is one write, a digest is what has been noted since the last mail, and a topic has one unsent mail even
 * after a crash or hours without a mail server. Writes are journaled: a note that was stored survives a kill.
 */
@Injectable()
export class MailOutbox {
  constructor(
    @InjectModel(MAIL) private readonly model: Model<MailDocument>,
    private readonly clock: Clock,
  ) {}

  /** Stores a note; its mail is due at once or when the topic's pause is over. @returns whether a mail is due now */
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
    const options = { upsert: true, returnDocument: 'after', projection: { dueAt: 1 }, updatePipeline: true } as const;
    const mail = await this.model.findOneAndUpdate({ _id: idOf(note.topic) }, [{ $set: set }], options).lean();
    return mail!.dueAt! <= now;
  }

  /** Takes the mail that has been due for longest, for five minutes. @returns null when none is due */
  async claim(): Promise<ClaimedMail | null> {
    const now = this.clock.now();
    const taken = { $set: { dueAt: new Date(now + LEASE_MS), token: randomUUID() } };
    const options = { sort: { dueAt: 1 }, returnDocument: 'after' } as const;
    return this.model.findOneAndUpdate({ dueAt: { $lte: new Date(now) } }, taken, options).lean<ClaimedMail>();
  }

  /**
   * Ends a claim for good: the mail was sent, was given up, or has no recipient. What was noted since the claim becomes
   * the next mail, due after `pauseMs`.
   *
   * @returns false when the lease had passed and another process has the mail
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

  /** Gives the mail back, due again after `waitMs`. @returns false when another process has claimed it since */
  async release(mail: ClaimedMail, attempts: number, waitMs: number): Promise<boolean> {
    const now = this.clock.now();
    const set = { dueAt: new Date(now + waitMs), attempts, changedAt: new Date(now) };
    return this.write(mail, { $set: set, $unset: { token: 1 } });
  }

  /**
   * Deletes the topics without a note and without a mail for seven days: their mails were sent or given up, or wait
   * because SMTP_HOST was unset.
   *
   * @param now epoch milliseconds
   * @returns how many were deleted
   */
  async purge(now: number): Promise<number> {
    const { deletedCount } = await this.model.deleteMany({ changedAt: { $lt: new Date(now - KEPT_MS) } });
    return deletedCount;
  }

  /** Writes only while the claim is still ours. */
  private async write(
    { _id, token }: ClaimedMail,
    change: UpdateQuery<MailDocument> | UpdateWithAggregationPipeline,
  ): Promise<boolean> {
    return (await this.model.updateOne({ _id, token }, change, { updatePipeline: true })).matchedCount === 1;
  }
}

/** @returns how many events of each kind were noted and not mailed yet */
export function unmailedCounts(mail: Pick<MailDocument, 'counts' | 'mailed'>): Record<string, number> {
  const unmailed = Object.entries(mail.counts).map(([kind, n]) => [kind, n - (mail.mailed?.[kind] ?? 0)] as const);
  return Object.fromEntries(unmailed.filter(([, n]) => n > 0));
}

function idOf(topic: MailTopic): string {
  return topic.type === 'integration' ? `integration:${topic.integrationId}` : `operators:${topic.kind}:${topic.key}`;
}

function ifNull(path: string, otherwise: Fact) {
  return { $ifNull: [`$${path}`, { $literal: otherwise }] };
}
