import { PUBLIC_TENANT_FIELDS, type Tenant } from '../../platform/core/tenant.dto.js';
import type { JsonObject } from '../../platform/shape.js';
import { customerData, epochMillis, fields, list, type Reader, scalar, scalarMap, scalars } from './allow-list.js';

/** ChatSessionMessageDTO (seed 004). */
const message = fields({
  id: scalar,
  responseToId: scalar,
  type: scalar,
  category: scalar,
  isUserInteraction: scalar,
  subscriberHandle: scalar,
  subscriberName: scalar,
  subscriberEmail: scalar,
  message: scalar,
  tags: scalars,
  intentName: scalar,
  conversationNode: scalar,
  liveChatEventType: scalar,
  liveChatSender: scalar,
  liveChatConversationId: scalar,
  language: scalar,
});

/** LiveChatSession (seed 003). */
const liveChat = fields({
  waitingTime: scalar,
  liveChatEventType: scalar,
  duration: scalar,
  responseTime: scalars,
  updatedAt: scalar,
  lastEndUserMessageAt: scalar,
  lastSender: scalar,
  conversationId: scalar,
  agents: scalars,
  tags: scalars,
});

/** ChatSessionMetadata (seed 003): a deployment has credentials elsewhere in the platform, so here too by list. */
const metadata = fields({
  subscriberName: scalar,
  subscriberEmail: scalar,
  subscriberCustomData: customerData,
  deploymentId: scalar,
  deploymentName: scalar,
  platformOrigin: scalar,
  deploymentPlatform: scalar,
  isSubscriberNew: scalar,
});

/** ChatSessionDTO (seed 003) without what publicSession adds itself. */
const session = fields({
  id: scalar,
  uuid: scalar,
  status: scalar,
  duration: scalar,
  messageCount: scalar,
  summary: scalar,
  sentiment: scalar,
  resolution: scalar,
  urgency: scalar,
  features: customerData,
  csatSurveys: list(fields({ id: scalar, name: scalar, status: scalar, sectionsScore: scalarMap })),
  subscriberHandle: scalar,
  language: scalar,
  tags: scalars,
  lastInteraction: scalar,
  conversationNodes: list(fields({ nodeId: scalar, appearances: scalar })),
  intents: scalarMap,
  createdAt: scalar,
  updatedAt: scalar,
  containsUserInteraction: scalar,
  userInteractionCount: scalar,
  metadata,
  variables: list(fields({ name: scalar, value: customerData })),
});

const tenantFields = fields(
  Object.fromEntries(PUBLIC_TENANT_FIELDS.map((name): [string, Reader] => [name, name === 'tags' ? scalars : scalar])),
);

const messages = list((entry) => {
  const known = message(entry);
  if (!known) return undefined;
  const date = epochMillis((entry as JsonObject)['date']);
  if (date !== undefined) known['date'] = date; // a null would become 1970 in many a client
  return known;
});
const liveChats = list(liveChat);

/**
 * A chat session as it may leave the platform: the known fields of hbf-core's answer, the organization and tenant that
 * it was asked for, and the allow-listed tenant, whatever stands in `raw.tenant`. Missing or null lists are empty.
 * Dates of messages are epoch milliseconds, absent where hbf-core's cannot be read; other dates pass as they are.
 *
 * @param raw the session as hbf-core gives it; it is not changed
 */
export function publicSession(raw: JsonObject, tenant: Tenant): JsonObject {
  return Object.assign(session(raw) ?? {}, {
    organizationId: tenant.organizationId,
    tenantId: tenant.id,
    tenant: tenantFields(tenant.publicFields),
    messages: messages(raw['messages']) ?? [],
    liveChats: liveChats(raw['liveChats']) ?? [],
  });
}
