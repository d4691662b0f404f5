import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/** The model's name, for `@InjectModel`. */
export const INTEGRATION_ERROR = 'IntegrationError';

/** One failed attempt of a webhook, as admins see it. No payload, no header value. */
export interface IntegrationError {
  /** `<completionId>/<destination>/<attempt>`, with `/<code>` where none could be made: written twice, it is one. */
  _id: string;
  integrationId: number;
  organizationId: string;
  sessionId: string;
  tenantId: string;
  attempt: number;
  at: Date;
  statusCode?: number;
  code: string;
  message: string;
  durationMs: number;
  nextAttemptAt?: Date;
  /** No further attempt is made by itself. */
  dead: boolean;
}

export const integrationErrorSchema = new Schema<IntegrationError>(
  {
    _id: { type: String, required: true },
    integrationId: { type: Number, required: true },
    organizationId: { type: String, required: true },
    sessionId: { type: String, required: true },
    tenantId: { type: String, required: true },
    attempt: { type: Number, required: true },
    at: { type: Date, required: true },
    statusCode: Number,
    code: { type: String, required: true },
    message: { type: String, required: true },
    durationMs: { type: Number, required: true },
    nextAttemptAt: Date,
    dead: { type: Boolean, required: true },
  },
  { ...schemaOptions, collection: 'integration-errors' },
);

// IntegrationErrorRepository.newest: an integration's errors, the newest first
integrationErrorSchema.index({ integrationId: 1, at: -1 }, { name: 'integration' });
// IntegrationErrorRepository.purge: errors by age
integrationErrorSchema.index({ at: 1 }, { name: 'age' });
