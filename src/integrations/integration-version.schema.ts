import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/** One document for all integrations: another version than before tells that one of them may have changed. */
export interface IntegrationVersion {
  _id: string;
  version: number;
  /** Until then a change that was announced may still be written. */
  settlesAt: Date;
}

export const INTEGRATION_VERSION = 'IntegrationVersion';

/** Read and written by `_id` only. */
export const integrationVersionSchema = new Schema<IntegrationVersion>(
  {
    _id: { type: String, required: true },
    version: { type: Number, required: true },
    settlesAt: { type: Date, required: true },
  },
  { ...schemaOptions, collection: 'integration-version' },
);
