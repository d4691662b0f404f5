import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { OperatorAlertKind } from './operator-alerts.js';

/**
 * Whom a mail goes to and what it is about: there is never more than one unsent mail on a topic. A mail has one
 * recipient, so that a server which refuses one of several for the time being is asked for him alone again.
 */
export type MailTopic =
  | { type: 'integrations'; recipient: string; organizationId: string }
  | { type: 'operators'; recipient: string; kind: OperatorAlertKind; key: string };

export type Fact = string | number | Date | null | readonly (readonly [string, string | number])[];
export type Facts = Record<string, Fact>;

/** What was noted about one thing (one integration, one alert) and is not mailed yet. */
export interface MailEntry {
  /** `notes` of the document at the latest note. */
  notes: number;
  /** How often, by kind. */
  counts: Record<string, number>;
  facts: Facts;
}

/**
 * One topic: what was noted and not mailed yet, and when the next mail may go. `dueAt` is set only while there is an
 * unsent mail; a claim moves it to the end of the lease.
 */
export interface MailDocument {
  _id: string;
  topic: MailTopic;
  /** How many notes were ever taken: tells whether one came while a mail was being sent. */
  notes: number;
  /** How often, by kind, over all entries and `more`. */
  counts?: Record<string, number>;
  /** The first things that were noted, by what they are about; at most as many as a mail lists. */
  entries?: Record<string, MailEntry>;
  /** Of further things only `notes` at the latest note. */
  more?: Record<string, number>;
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
    notes: { type: Number, required: true },
    counts: Schema.Types.Mixed,
    entries: Schema.Types.Mixed,
    more: Schema.Types.Mixed,
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
