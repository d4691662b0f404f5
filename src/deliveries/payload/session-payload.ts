import type { ChatSession } from '../../platform/core/chat-session.dto.js';
import type { Tenant } from '../../platform/core/tenant.dto.js';
import type { JsonObject } from '../../platform/shape.js';
import { participantsOf } from './participants.js';
import { publicSession } from './public-session.js';

/** What the body of a webhook or flow trigger is made of. */
export interface SessionPayloadInput {
  session: ChatSession;
  tenant: Tenant;
  /** What the CRM look-up returned: the customer's own data, sent as it is. Empty without one. */
  contacts: readonly unknown[];
  /** 1 the first time that the session ended; one more each time that it came back and ended again. */
  revision: number;
  /** True for an example that somebody asked for. */
  test?: boolean;
}

/**
 * The body of a completed session: ChatSessionDTO with participants and contacts, as the section "The webhook body" of
 * platform-facts.md says. Everything in it is copied by allow-list.
 */
export function buildSessionPayload({ session, tenant, contacts, revision, test }: SessionPayloadInput): JsonObject {
  return Object.assign(
    publicSession(session.raw, tenant),
    { id: session.id, status: 'COMPLETED', participants: participantsOf(session.raw), contacts: [...contacts] },
    revision > 1 && { revision },
    test && { test: true },
  );
}
