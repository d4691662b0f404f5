import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/** A session that cannot be completed as it is, or that hbf-core shows as ACTIVE after it was completed. */
export interface QuarantinedSession {
  /** The session's id. */
  _id: string;
  tenantId: string;
  reason: string;
  since: Date;
  /** Times that the process ended while it read the session. */
  deaths: number;
  /** Checks in which hbf-core showed it as ACTIVE again, untouched, although it was completed. */
  repetitions: number;
  /** Until then it is left alone. In the past: it is only counted, and not in quarantine. */
  nextTryAt: Date;
}

export const QUARANTINED_SESSION = 'QuarantinedSession';

/** Read whole at each check, and written by `_id`. */
export const quarantinedSessionSchema = new Schema<QuarantinedSession>(
  {
    _id: { type: String, required: true },
    tenantId: { type: String, required: true },
    reason: { type: String, required: true },
    since: { type: Date, required: true },
    deaths: { type: Number, required: true },
    repetitions: { type: Number, required: true },
    nextTryAt: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'quarantine' },
);
