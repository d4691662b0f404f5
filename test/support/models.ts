import type { Connection, Model } from 'mongoose';
import { INTEGRATION, type IntegrationDocument, integrationSchema } from '../../src/integrations/integration.schema.js';
import {
  INTEGRATION_VERSION,
  type IntegrationVersion,
  integrationVersionSchema,
} from '../../src/integrations/integration-version.schema.js';
import { MAIL, type MailDocument, mailSchema } from '../../src/notifications/mail.schema.js';
import { COUNTER, type CounterDocument, counterSchema } from '../../src/persistence/counter.schema.js';
import type { Database } from '../../src/persistence/database.js';
import { HELD_SESSION, type HeldSession, heldSessionSchema } from '../../src/sessions/held-session.schema.js';
import {
  QUARANTINED_SESSION,
  type QuarantinedSession,
  quarantinedSessionSchema,
} from '../../src/sessions/quarantine.schema.js';
import { HEARTBEATS, type HeartbeatsDocument, heartbeatsSchema } from '../../src/persistence/heartbeat.schema.js';
import { LEASE, type LeaseDocument, leaseSchema } from '../../src/persistence/lease.schema.js';

/** Models as the rooms' modules register them, for tests that build a repository by hand. */
export function counterModel({ connection }: Database): Model<CounterDocument> {
  return connection.model<CounterDocument>(COUNTER, counterSchema);
}

export function heartbeatsModel({ connection }: Database): Model<HeartbeatsDocument> {
  return connection.model<HeartbeatsDocument>(HEARTBEATS, heartbeatsSchema);
}

export function leaseModel({ connection }: Database): Model<LeaseDocument> {
  return connection.model<LeaseDocument>(LEASE, leaseSchema);
}

export function integrationModel({ connection }: Database): Model<IntegrationDocument> {
  return connection.model<IntegrationDocument>(INTEGRATION, integrationSchema);
}

export function integrationVersionModel({ connection }: Database): Model<IntegrationVersion> {
  return connection.model<IntegrationVersion>(INTEGRATION_VERSION, integrationVersionSchema);
}

export function mailModel({ connection }: Database): Model<MailDocument> {
  return connection.model<MailDocument>(MAIL, mailSchema);
}

export function heldSessionModel(connection: Connection): Model<HeldSession> {
  return connection.model<HeldSession>(HELD_SESSION, heldSessionSchema);
}

export function quarantineModel(connection: Connection): Model<QuarantinedSession> {
  return connection.model<QuarantinedSession>(QUARANTINED_SESSION, quarantinedSessionSchema);
}
