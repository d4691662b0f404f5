import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { Excess } from './cap-rules.js';

/** A tenant that was switched off for being over a limit, and was not seen under its limits since. */
export interface CappedTenant extends Excess {
  /** The tenant's id. */
  _id: string;
  at: Date;
}

export const CAPPED_TENANT = 'CappedTenant';

/** Read and written by `_id` only. */
export const cappedTenantSchema = new Schema<CappedTenant>(
  {
    _id: { type: String, required: true },
    limit: { type: String, required: true },
    used: { type: Number, required: true },
    allowed: { type: Number, required: true },
    at: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'capped-tenants' },
);
