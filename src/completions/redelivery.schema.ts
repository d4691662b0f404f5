import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { Channel, DeliveryState } from './delivery.js';
import type { HistoryPosition } from './delivery-filter.js';

/** The model's name, for `@InjectModel`. */
export const REDELIVERY = 'Redelivery';

/** Which deliveries a request is for: single ones, or those of a time. */
export type RedeliveryFilter =
  | { ids: readonly string[]; integrationId?: number }
  | {
      since: Date;
      until: Date;
      channel?: Channel;
      integrationId?: number;
      tenantId?: string;
      states: readonly DeliveryState[];
    };

/** A request to send deliveries again, which a process works off in the background. */
export interface RedeliveryRequest {
  _id: string;
  /** Absent: over all organizations, of a moderator. */
  organizationId?: string;
  /** The caller's e-mail address, else id. */
  by: string;
  at: Date;
  filter: RedeliveryFilter;
  /** done: all of them were made due. failed: none of them will be any more. */
  state: 'running' | 'done' | 'failed';
  reason?: string;
  /** How many were found when it was made, without those of disabled integrations. */
  matched: number;
  /** How many are left out, as their integration is disabled or was removed. */
  skipped: number;
  /** How far it has come, in the order of time. */
  position?: HistoryPosition;
}

const position = new Schema<HistoryPosition>(
  {
    foundAt: { type: Date, required: true },
    _id: { type: String, required: true },
    destination: { type: String, required: true },
  },
  { _id: false },
);

export const redeliverySchema = new Schema<RedeliveryRequest>(
  {
    _id: { type: String, required: true },
    organizationId: String,
    by: { type: String, required: true },
    at: { type: Date, required: true },
    filter: { type: Schema.Types.Mixed, required: true },
    state: { type: String, required: true },
    reason: String,
    matched: { type: Number, required: true },
    skipped: { type: Number, required: true },
    position: { type: position, default: undefined },
  },
  { ...schemaOptions, collection: 'redeliveries' },
);

// RedeliveryRepository.running: those that are not done
redeliverySchema.index({ at: 1 }, { name: 'running', partialFilterExpression: { state: 'running' } });
// RedeliveryRepository.list: an organization's, or an integration's, the newest first
redeliverySchema.index({ organizationId: 1, at: -1 }, { name: 'organization' });
// RedeliveryRepository.purge and the list of all: by age
redeliverySchema.index({ at: -1 }, { name: 'age' });
