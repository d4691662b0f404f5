import { type ObjectId } from 'mongodb';
import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { IntentLease, PlannedCompletion } from './completion.js';
import { leftOutSchema, missingSchema } from './completion.schema.js';

/** The model's name, for `@InjectModel`. */
export const INTENT = 'Intent';

/**
 * What is about to be completed and delivered for a page of sessions, written before hbf-core is told: one document for
 * the page, as one for each session takes the database three times as long. A session is in no two intents; once its
 * completion is written, what stands here of it no longer counts.
 */
export interface Intent extends IntentLease {
  _id: ObjectId;
  completions: PlannedCompletion[];
}

const planned = new Schema<PlannedCompletion>(
  {
    _id: { type: String, required: true },
    sessionId: { type: String, required: true },
    revision: { type: Number, required: true },
    organizationId: { type: String, required: true },
    tenantId: { type: String, required: true },
    rule: { type: String, required: true },
    thresholdSeconds: { type: Number, required: true },
    lastInteraction: { type: Date, required: true },
    lastSignOfLife: Date,
    foundAt: { type: Date, required: true },
    destinations: { type: [String], required: true },
    cancelled: { type: [String], default: undefined },
    leftOut: { type: [leftOutSchema], required: true },
    missing: { type: missingSchema, default: undefined },
  },
  { _id: false },
);

export const intentSchema = new Schema<Intent>(
  {
    _id: { type: Schema.Types.ObjectId, required: true },
    lease: { type: String, required: true },
    leaseUntil: { type: Date, required: true },
    completions: { type: [planned], required: true },
  },
  { ...schemaOptions, collection: 'intents' },
);

// IntentRepository.add and remove: a session and revision is in one intent
intentSchema.index({ 'completions._id': 1 }, { name: 'completion', unique: true });
// IntentRepository.remove, removeAll and freeOf: the intents of a lease, and of all leases of a start
intentSchema.index({ lease: 1 }, { name: 'lease' });
// IntentRepository.claimAbandoned: intents whose lease has passed
intentSchema.index({ leaseUntil: 1 }, { name: 'abandoned' });
