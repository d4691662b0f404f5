import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { CheckFigures } from './check-figures.js';

/** One session check as it is remembered. */
export interface CheckRecord {
  startedAt: Date;
  durationMs: number;
  trigger: 'schedule' | 'on-demand';
  outcome: 'finished' | 'failed';
  /** Of a failed check: which service, route and kind of failure. */
  reason?: string;
  figures?: CheckFigures;
}

export const CHECK_RECORD = 'CheckRecord';

export const checkRecordSchema = new Schema<CheckRecord>(
  {
    startedAt: { type: Date, required: true },
    durationMs: { type: Number, required: true },
    trigger: { type: String, required: true },
    outcome: { type: String, required: true },
    reason: String,
    figures: Schema.Types.Mixed,
  },
  { ...schemaOptions, collection: 'session-checks' },
);

// CheckHistory.list and trim: the newest hundred
checkRecordSchema.index({ startedAt: -1 }, { name: 'newest' });
