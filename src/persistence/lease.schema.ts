import { Schema } from 'mongoose';
import { schemaOptions } from './schema-options.js';

/** Which replica does a named job, and until when. */
export interface LeaseDocument {
  /** The job's name. */
  _id: string;
  owner: string;
  /** In the database server's time. */
  until: Date;
}

export const LEASE = 'Lease';

/** Read and written by `_id` only. */
export const leaseSchema = new Schema<LeaseDocument>(
  {
    _id: { type: String, required: true },
    owner: { type: String, required: true },
    until: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'leases' },
);
