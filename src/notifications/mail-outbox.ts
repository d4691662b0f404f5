import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, UpdateQuery } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { Clock } from '../persistence/clock.js';
import { isDuplicateKey } from '../persistence/duplicates.js';
import { type MailNote, notedSince, withNote } from './mail-notes.js';
import { NoteGroups } from './note-groups.js';
import { MAIL, type MailDocument, type MailTopic } from './mail.schema.js';

/** Longer than sending a mail can take; after this another replica may claim the mail of a process that died. */
const LEASE_MS = 300_000;
const KEPT_MS = 7 * 86_400_000;

export type ClaimedMail = MailDocument & { token: string; batch: string };

/**
 * The outbox of mails: what was noted and not mailed yet, in one document per topic (collection `mails`). So a note is
 * one write, a digest is what has been noted since the last mail, and a topic has one unsent mail even after a crash or
 * hours without a mail server. Writes are journaled: a note that was stored survives a kill.
 */
@Injectable()
export class MailOutbox {
  private readonly groups = new NoteGroups((id, notes) => this.store(id, notes));

  constructor(
    @InjectModel(MAIL) private readonly model: Model<MailDocument>,
    private readonly clock: Clock,
  ) {}

  /** Stores a note; its mail is due at once or when the topic's pause is over. @returns whether a mail is due now */
  add(note: MailNote): Promise<boolean> {
    return this.groups.add(idOf(note.topic), note);
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
    const settled = { notBefore: new Date(now + pauseMs), changedAt: new Date(now) };
    const nothingMore = {
      $set: settled,
      $unset: { counts: 1, entries: 1, more: 1, dueAt: 1, batch: 1, token: 1, attempts: 1 },
    };
    if (await this.write(mail, nothingMore, mail.notes)) return true;
    for (;;) {
      const present = await this.model.findOne({ _id: mail._id, token: mail.token }).lean<MailDocument>();
      if (!present) return false;
      const next = { ...notedSince(present, mail), dueAt: settled.notBefore, batch: randomUUID() };
      const change = { $set: { ...settled, ...next }, $unset: { token: 1, attempts: 1 } };
      if (await this.write(mail, change, present.notes)) return true; // else one more was noted in between
    }
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

  /** Reads, changes and writes; once more if another process has changed the document in between. */
  private async store(id: string, notes: readonly MailNote[]): Promise<boolean> {
    for (;;) {
      const present = await this.model.findById(id).lean<MailDocument>();
      const now = new Date(this.clock.now());
      const notBefore = present?.notBefore ?? now;
      const dueAt = present?.dueAt ?? (notBefore > now ? notBefore : now);
      const begins = !present?.dueAt && { dueAt, batch: randomUUID() };
      const noted = notes.reduce(withNote, present ?? { notes: 0 });
      const stored = await this.storeNoted(present, {
        _id: id,
        topic: notes[0]!.topic,
        ...noted,
        changedAt: now,
        ...begins,
      });
      if (stored) return dueAt <= now;
    }
  }

  /** @returns false when something was noted or settled since `present` was read; a settled mail has another batch */
  private async storeNoted(present: MailDocument | null, next: MailDocument): Promise<boolean> {
    if (present) {
      const unchanged = { _id: next._id, notes: present.notes, batch: present.batch ?? null };
      return (await this.model.updateOne(unchanged, { $set: next })).matchedCount === 1;
    }
    try {
      await this.model.create(next);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** Writes only while the claim is still ours, and, where `notes` is given, nothing more has been noted. */
  private async write(
    { _id, token }: ClaimedMail,
    change: UpdateQuery<MailDocument>,
    notes?: number,
  ): Promise<boolean> {
    const filter = { _id, token, ...(notes !== undefined && { notes }) };
    return (await this.model.updateOne(filter, change)).matchedCount === 1;
  }
}

function idOf(topic: MailTopic): string {
  return topic.type === 'integrations'
    ? `integrations:${topic.recipient}:${topic.organizationId}`
    : `operators:${topic.recipient}:${topic.kind}:${topic.key}`;
}
