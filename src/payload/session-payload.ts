import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { participantsOf } from './participants.js';
import { publicSession } from './public-session.js';

/** What the body of a webhook or of a flow trigger is built from. */
export interface SessionPayloadInput {
  session: ChatSession;
  tenant: Tenant;
  /** What the look-up in the tenant's CRM returned: the customer's own data, sent as it is. Empty without a look-up. */
  contacts: readonly unknown[];
  /** 1 the first time that the session ended; one more each time that it came back and ended again. */
  revision: number;
  /** True for the example of a test call. */
  test?: boolean;
}

/**
 * The body of a completed session: ChatSessionDTO with participants and contacts (docs/platform.md, "The webhook body").
 * All but the contacts is copied by allow-list.
 */
export function buildSessionPayload({ session, tenant, contacts, revision, test }: SessionPayloadInput): JsonObject {
  return Object.assign(
    publicSession(session.raw, tenant),
    { id: session.id, status: 'COMPLETED', participants: participantsOf(session.raw), contacts: [...contacts] },
    revision > 1 && { revision },
    test && { test: true },
  );
}
