import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { participantsOf } from './participants.js';
import { publicSession } from './public-session.js';

/** The schema of the webhook body, and its version. Its changes are listed in docs/webhooks.md. */
export const WEBHOOK_SCHEMA = 'chat-session.completed/1';

/** What the body of a flow trigger is built from. */
export interface SessionPayloadInput {
  session: ChatSession;
  tenant: Tenant;
  /** What the look-up in the tenant's CRM returned: the customer's own data, sent as it is. Empty without a look-up. */
  contacts: readonly unknown[];
}

/** What the body of a webhook is built from. */
export interface WebhookPayloadInput extends SessionPayloadInput {
  /** 1 the first time that the session ended; one more each time that it came back and ended again. */
  revision: number;
  /** True for the example of a test call. */
  test?: boolean;
}

/**
 * A completed session, as flows get it: ChatSessionDTO with participants and contacts (docs/platform.md, "The webhook
 * body"). All but the contacts is copied by allow-list.
 */
export function buildSessionPayload({ session, tenant, contacts }: SessionPayloadInput): JsonObject {
  return Object.assign(publicSession(session.raw, tenant), {
    id: session.id,
    status: 'COMPLETED',
    participants: participantsOf(session.raw),
    contacts: [...contacts],
  });
}

/** The body of a webhook: the session as flows get it, and last the one member that is this service's own. */
export function buildWebhookPayload(input: WebhookPayloadInput): JsonObject {
  return withWebhook(buildSessionPayload(input), input);
}

/** Adds `webhook` as the last member, in place. */
export function withWebhook(
  payload: JsonObject,
  { revision, test }: Pick<WebhookPayloadInput, 'revision' | 'test'>,
): JsonObject {
  return Object.assign(payload, { webhook: { schema: WEBHOOK_SCHEMA, revision, ...(test && { test }) } });
}
