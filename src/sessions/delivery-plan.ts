import type { LeftOut, PlannedCompletion } from '../completions/completion.js';
import { webhookDestination } from '../completions/delivery.js';
import type { Integration } from '../integrations/integration.schema.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';

/**
 * The destinations of an ended session (docs/platform.md, "What the service does"): the flow trigger, the surveys'
 * triggers (one delivery, which looks them up), the analysis where the tenant has it run by itself and a user took part,
 * and one webhook for each enabled integration that lists the tenant and is of its organization.
 *
 * @param integrations enabled ones that list the tenant, of any organization
 */
export function planDeliveries(
  session: Pick<ChatSession, 'containsUserInteraction'>,
  tenant: Tenant,
  integrations: readonly Integration[],
): Pick<PlannedCompletion, 'destinations' | 'leftOut'> {
  const destinations = ['flow', 'surveys'];
  if (tenant.analyzesSessions && session.containsUserInteraction) destinations.push('analysis');
  const leftOut: LeftOut[] = [];
  for (const { id, organizationId } of integrations) {
    if (organizationId === tenant.organizationId) destinations.push(webhookDestination(id));
    else leftOut.push({ integrationId: id, reason: 'the tenant belongs to another organization' });
  }
  return { destinations, leftOut };
}
