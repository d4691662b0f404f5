import { buildWebhookPayload } from '../payload/session-payload.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { readTenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';

/**
 * The payload of an invented session, built as real ones are, with `test: true` in its member `webhook`.
 *
 * @param at when it "ended", epoch milliseconds
 */
export function exampleSession(organizationId: string, tenantId: string, id: string, at: number): JsonObject {
  const time = (secondsBefore: number) => at - secondsBefore * 1000;
  const user = { subscriberHandle: 'example-user', subscriberName: 'Example User', isUserInteraction: true };
  const bot = { subscriberName: 'bot', isUserInteraction: false };
  const session = readChatSession({
    id,
    status: 'COMPLETED',
    lastInteraction: new Date(at).toISOString(),
    createdAt: new Date(time(60)).toISOString(),
    duration: 60,
    messageCount: 3,
    language: 'en',
    subscriberHandle: user.subscriberHandle,
    containsUserInteraction: true,
    userInteractionCount: 2,
    messages: [
      { id: 'example-1', type: 'TEXT', message: 'Hello, are you open today?', date: time(60), ...user },
      { id: 'example-2', type: 'TEXT', message: 'Yes, until six o’clock.', date: time(58), ...bot },
      { id: 'example-3', type: 'TEXT', message: 'Thank you!', date: at, ...user },
    ],
    liveChats: [],
  });
  const tenant = readTenant({ id: tenantId, organizationId, displayName: 'Example' });
  return buildWebhookPayload({ session, tenant, contacts: [], revision: 1, test: true });
}
