import { completionId, type ExpiryRule, type LeftOut, type PlannedCompletion } from '../completions/completion.js';
import { tenantDestination, webhookDestination } from '../completions/delivery.js';
import type { SessionInFlight } from '../deliveries/first-attempts.js';
import type { PayloadSource } from '../deliveries/payload-source.js';
import type { Integration } from '../integrations/integration.schema.js';
import type { DisabledIntegrations, ListedIntegrations } from '../integrations/tenant-integrations.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { CheckRun } from './check-run.js';

/** A session that has ended, as it was read for a check. Its payload is serialised already. */
export interface ReadSession {
  id: string;
  lastInteraction: Date;
  /** Where a live chat that is open has decided. */
  lastSignOfLife?: Date;
  containsUserInteraction: boolean;
  rule: ExpiryRule;
  thresholdSeconds: number;
  tenant: Tenant;
  source: PayloadSource;
  /** When it was asked for; epoch ms of this machine. */
  readAt: number;
  run: CheckRun;
}

/** A read session, and what is planned for it. */
export interface Planned extends SessionInFlight {
  read: ReadSession;
}

/** Plans a batch of sessions, of any tenants. @param integrations those that list one of the tenants */
export function planBatch(
  batch: readonly ReadSession[],
  { enabled, disabled }: ListedIntegrations,
  foundAt: Date,
): Planned[] {
  const byTenant = new Map<string, Integration[]>();
  for (const { tenant } of batch) byTenant.set(tenant.id, []);
  for (const integration of enabled) {
    for (const tenantId of integration.tenants) byTenant.get(tenantId)?.push(integration);
  }
  return batch.map((read) => {
    const { id, tenant, rule, thresholdSeconds, lastInteraction, lastSignOfLife, source } = read;
    const plan = planDeliveries(read, tenant, byTenant.get(tenant.id)!, disabled.get(tenant.id));
    const { destinations, cancelled, leftOut } = plan;
    const planned: PlannedCompletion = {
      _id: completionId(id, 1),
      sessionId: id,
      revision: 1,
      organizationId: tenant.organizationId,
      tenantId: tenant.id,
      rule,
      thresholdSeconds,
      lastInteraction,
      lastSignOfLife,
      foundAt,
      destinations,
      cancelled,
      leftOut,
    };
    return { planned, source, read };
  });
}

/**
 * The destinations of an ended session (docs/platform.md, "What the service does"): the flow trigger, the surveys'
 * triggers (one delivery, which looks them up), the analysis where the tenant has it run by itself and a user took part,
 * and one webhook for each integration that lists the tenant and is of its organization: cancelled from the start where
 * that is disabled, so that a redelivery can bring the session.
 *
 * @param integrations enabled ones that list the tenant, of any organization
 * @param disabled ones that list the tenant
 */
export function planDeliveries(
  session: Pick<ChatSession, 'containsUserInteraction'>,
  tenant: Tenant,
  integrations: readonly Integration[],
  disabled?: DisabledIntegrations,
): Pick<PlannedCompletion, 'destinations' | 'cancelled' | 'leftOut'> {
  const destinations = [tenantDestination('flow', tenant.id), tenantDestination('surveys', tenant.id)];
  if (tenant.analyzesSessions && session.containsUserInteraction)
    destinations.push(tenantDestination('analysis', tenant.id));
  const leftOut: LeftOut[] = [];
  for (const { id, organizationId } of integrations) {
    if (organizationId === tenant.organizationId) destinations.push(webhookDestination(id));
    else leftOut.push({ integrationId: id, reason: 'the tenant belongs to another organization' });
  }
  const cancelled =
    disabled?.organizationId === tenant.organizationId ? disabled.ids.map(webhookDestination) : undefined;
  return { destinations, cancelled, leftOut };
}
