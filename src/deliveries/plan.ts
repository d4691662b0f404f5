import type { Integration } from '../integrations/integration.schema.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { type Completion, type LeftOut, newDelivery, webhookDestination } from './completion.js';

/**
 * What is owed for an ended session (platform-facts.md, "What the service does", 7 to 10): the flow trigger, the
 * surveys' triggers (one delivery, which looks them up), the analysis where the tenant has it run by itself and a
 * user took part, and one webhook for each enabled integration that lists the tenant and is of its organization.
 *
 * @param integrations enabled ones that list the tenant, of whatever organization
 * @returns deliveries that can be shared: none of them can be changed
 */
export function planDeliveries(
  session: Pick<ChatSession, 'containsUserInteraction'>,
  tenant: Tenant,
  integrations: readonly Integration[],
): Pick<Completion, 'deliveries' | 'leftOut'> {
  const deliveries = [newDelivery('flow'), newDelivery('surveys')];
  if (tenant.analyzesSessions && session.containsUserInteraction) deliveries.push(newDelivery('analysis'));
  const leftOut: LeftOut[] = [];
  for (const { id, organizationId } of integrations) {
    if (organizationId === tenant.organizationId) deliveries.push(newDelivery(webhookDestination(id)));
    else leftOut.push({ integrationId: id, reason: 'the tenant belongs to another organization' });
  }
  return { deliveries: deliveries.map((delivery) => Object.freeze(delivery)), leftOut };
}
