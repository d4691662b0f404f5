import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { CheckFigures } from './check-figures.js';
import type { TenantProblem } from './tenant-problems.js';

/** One session check as it is remembered. */
export interface CheckRecord {
  startedAt: Date;
  durationMs: number;
  trigger: 'schedule' | 'on-demand';
  outcome: 'finished' | 'failed';
  /** Of a failed check: which service, route and kind of failure. */
  reason?: string;
  figures?: CheckFigures;
  /** Of which process. */
  instance: string;
  /** What was wrong with single tenants when it ended. */
  problems: TenantProblem[];
}

export const CHECK_RECORD = 'CheckRecord';

const problem = new Schema<TenantProblem>(
  {
    tenantId: { type: String, required: true },
    reason: { type: String, required: true },
    since: { type: Date, required: true },
  },
  { _id: false },
);

export const checkRecordSchema = new Schema<CheckRecord>(
  {
    startedAt: { type: Date, required: true },
    durationMs: { type: Number, required: true },
    trigger: { type: String, required: true },
    outcome: { type: String, required: true },
    reason: String,
    figures: Schema.Types.Mixed,
    instance: { type: String, required: true },
    problems: { type: [problem], required: true },
  },
  { ...schemaOptions, collection: 'session-checks' },
);

// CheckHistory.list and trim: the newest hundred
checkRecordSchema.index({ startedAt: -1 }, { name: 'newest' });
