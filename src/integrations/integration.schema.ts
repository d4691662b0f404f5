import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';
import type { SealedSecret } from '../persistence/secrets.js';

/** A custom header as an administrator writes it, the value in clear. */
export interface ClearHeader {
  name: string;
  value: string;
}

/** A custom header as it is stored. */
export interface SealedHeader {
  name: string;
  value: SealedSecret;
}

/** A Standard Webhooks secret (`whsec_…`). Without `expiresAt` it is the one in force. */
export interface SigningSecret {
  secret: SealedSecret;
  createdAt: Date;
  /** Set when a newer secret replaced it: until then both sign. */
  expiresAt?: Date;
}

/** Why the service itself disabled an integration. Absent on one that an administrator disabled. */
export type DisabledReason = 'gone' | 'failing_for_days';

/**
 * A customer's endpoint that receives the ended sessions of the tenants that it lists. Header values and signing secrets
 * are sealed; IntegrationRepository opens them as late as possible.
 */
export interface Integration {
  id: number;
  organizationId: string;
  url: string;
  tenants: string[];
  headers: SealedHeader[];
  enabled: boolean;
  disabledReason?: DisabledReason;
  disabledAt?: Date;
  errorEmailRecipients: string[];
  createdAt: Date;
  createdBy: string;
  modifiedAt: Date;
  modifiedBy: string;
  /** Newest first. */
  signingSecrets: SigningSecret[];
  /** The first failure since the last success; absent while attempts succeed. */
  failingSince?: Date;
  /** The success that ended the latest series of failures; other successes are not stored. */
  recoveredAt?: Date;
  /** Counts the changes by administrators and by the service; the ETag of the REST API. */
  version: number;
}

export type IntegrationDocument = Omit<Integration, 'id'> & { _id: number };

const sealedSecret = new Schema<SealedSecret>(
  {
    keyId: { type: String, required: true },
    iv: { type: String, required: true },
    tag: { type: String, required: true },
    data: String, // not `required`, which would refuse the empty text
  },
  { _id: false },
);

const header = new Schema<SealedHeader>(
  { name: { type: String, required: true }, value: { type: sealedSecret, required: true } },
  { _id: false },
);

const signingSecret = new Schema<SigningSecret>(
  { secret: { type: sealedSecret, required: true }, createdAt: { type: Date, required: true }, expiresAt: Date },
  { _id: false },
);

export const INTEGRATION = 'Integration';

export const integrationSchema = new Schema<IntegrationDocument>(
  {
    _id: { type: Number, required: true },
    organizationId: { type: String, required: true },
    url: { type: String, required: true },
    tenants: { type: [String], required: true },
    headers: { type: [header], default: [] },
    enabled: { type: Boolean, required: true },
    disabledReason: String,
    disabledAt: Date,
    errorEmailRecipients: { type: [String], default: [] },
    createdAt: { type: Date, required: true },
    createdBy: { type: String, required: true },
    modifiedAt: { type: Date, required: true },
    modifiedBy: { type: String, required: true },
    signingSecrets: { type: [signingSecret], default: [] },
    failingSince: Date,
    recoveredAt: Date,
    version: { type: Number, default: 1 },
  },
  { ...schemaOptions, collection: 'integrations' },
);

// TenantIntegrations.of: which integrations list a batch's tenants, of the disabled ones the newest; IntegrationCounts
integrationSchema.index({ tenants: 1, enabled: 1, organizationId: 1, _id: 1 }, { name: 'tenants-enabled' });

// IntegrationRepository.list: an organization's integrations in the order of their ids
integrationSchema.index({ organizationId: 1, _id: 1 }, { name: 'organization' });

// IntegrationCounts.enabledIn: how many enabled integrations an organization has, from the index alone
integrationSchema.index({ organizationId: 1, enabled: 1 }, { name: 'organization-enabled' });
