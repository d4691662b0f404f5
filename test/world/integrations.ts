import type { Db } from 'mongodb';
import { Config } from '../../src/config/config.js';
import type { IntegrationDocument } from '../../src/integrations/integration.schema.js';
import { Secrets } from '../../src/persistence/secrets.js';
import { TEST_ENCRYPTION_KEY } from './service/service-environment.js';

export interface NewIntegration {
  id: number;
  organizationId: string;
  url: string;
  tenants: string[];
  /** In clear; stored sealed. */
  headers?: Record<string, string>;
  /** `whsec_…` in clear; stored sealed. */
  signingSecret?: string;
  enabled?: boolean;
  errorEmailRecipients?: string[];
}

/**
 * Puts a webhook integration into the service's database as its REST API would, past its checks: a test can say what
 * an administrator never could.
 *
 * @param key SECRETS_ENCRYPTION_KEY of the service that will read it
 */
export function insertIntegration(db: Db, integration: NewIntegration, key = TEST_ENCRYPTION_KEY): Promise<void> {
  return insertIntegrations(db, [integration], key);
}

/** As `insertIntegration`, many at a time. */
export async function insertIntegrations(
  db: Db,
  integrations: readonly NewIntegration[],
  key = TEST_ENCRYPTION_KEY,
): Promise<void> {
  if (integrations.length === 0) return;
  const secrets = new Secrets(
    Object.assign(new Config(), { secretsEncryptionKey: Buffer.from(key, 'base64'), secretsEncryptionOldKeys: [] }),
  );
  const documents = integrations.map((integration) => documentOf(integration, secrets));
  await db.collection<IntegrationDocument>('integrations').insertMany(documents);
  // the REST API counts on from here
  const counters = db.collection<{ _id: string; value: number }>('counters');
  const value = Math.max(...integrations.map(({ id }) => id));
  await counters.updateOne({ _id: 'integrations' }, { $max: { value } }, { upsert: true });
}

function documentOf(integration: NewIntegration, secrets: Secrets): IntegrationDocument {
  const { id, headers = {}, signingSecret, enabled = true, errorEmailRecipients = [], ...rest } = integration;
  const now = new Date();
  const admin = 'admin@example.com';
  return {
    _id: id,
    ...rest,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: secrets.encrypt(value) })),
    signingSecrets: signingSecret ? [{ secret: secrets.encrypt(signingSecret), createdAt: now }] : [],
    enabled,
    errorEmailRecipients,
    createdAt: now,
    createdBy: admin,
    modifiedAt: now,
    modifiedBy: admin,
    version: 1,
  };
}
