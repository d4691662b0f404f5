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
  /** Deliveries that waited for their first attempt when it began, as Backpressure counts them. */
  backlog?: number;
  /** For how long the delivery that had been due for longest was due when it began; 0: none was. */
  oldestDueSeconds?: number;
  /** Of which process. */
  instance: string;
  /** What was wrong with single tenants when it ended; the newest checks alone keep it. */
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
    backlog: Number,
    oldestDueSeconds: Number,
    instance: { type: String, required: true },
    problems: { type: [problem], required: true },
  },
  { ...schemaOptions, collection: 'session-checks' },
);

// CheckHistory: the newest, those since a time, and those that are a week old
checkRecordSchema.index({ startedAt: -1 }, { name: 'newest' });
