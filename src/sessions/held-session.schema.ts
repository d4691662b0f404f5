import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/** A session that has been idle for long enough, but that checks do not end. */
export interface HeldSession {
  /** The session's id. */
  _id: string;
  tenantId: string;
  /** What is in quarantine tells that itself. */
  heldBy: 'live-chat-open';
  /** When a check first found it held. */
  since: Date;
}

export const HELD_SESSION = 'HeldSession';

/** Read whole in checks that hold sessions, and written by `_id`. */
export const heldSessionSchema = new Schema<HeldSession>(
  {
    _id: { type: String, required: true },
    tenantId: { type: String, required: true },
    heldBy: { type: String, required: true },
    since: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'held-sessions' },
);
