import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { OperatorAlertKind } from './operator-alerts.js';

/** What a mail is about: there is never more than one unsent mail on a topic. */
export type MailTopic =
  | { type: 'integration'; integrationId: number; organizationId: string }
  | { type: 'operators'; kind: OperatorAlertKind; key: string };

export type Fact = string | number | Date | null | readonly (readonly [string, string | number])[];
export type Facts = Record<string, Fact>;

/**
 * One topic: what was noted, what of it was mailed, and when the next mail may go. `dueAt` is set only while there is an
 * unsent mail; a claim moves it to the end of the lease.
 */
export interface MailDocument {
  _id: string;
  topic: MailTopic;
  /** Everything ever noted, by kind; only grows. */
  counts: Record<string, number>;
  /** What of `counts` was mailed or given up. */
  mailed?: Record<string, number>;
  /** How many notes were taken: tells whether one came while a mail was being sent. */
  notes: number;
  facts: Facts;
  /** Identifies the unsent mail; its Message-ID contains it. */
  batch?: string;
  dueAt?: Date;
  /** No mail on this topic before. */
  notBefore?: Date;
  token?: string;
  /** Failed attempts at the unsent mail. */
  attempts?: number;
  changedAt: Date;
}

export const MAIL = 'Mail';

export const mailSchema = new Schema<MailDocument>(
  {
    _id: { type: String, required: true },
    topic: { type: Schema.Types.Mixed, required: true },
    counts: { type: Schema.Types.Mixed, required: true },
    mailed: Schema.Types.Mixed,
    notes: { type: Number, required: true },
    facts: { type: Schema.Types.Mixed, required: true },
    batch: String,
    dueAt: Date,
    notBefore: Date,
    token: String,
    attempts: Number,
    changedAt: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'mails' },
);

// MailOutbox.claim: the mail that has been due for longest; a topic without an unsent mail has no dueAt
mailSchema.index({ dueAt: 1 }, { name: 'due', partialFilterExpression: { dueAt: { $exists: true } } });

// MailOutbox.purge: topics without a change for seven days
mailSchema.index({ changedAt: 1 }, { name: 'changed' });
