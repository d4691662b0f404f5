import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { EndedSession } from '../completions/completion.js';
import type { DeliveryResult } from '../completions/transitions.js';
import { buildSessionPayload } from '../payload/session-payload.js';

/** hbf-core answers that it does not know the session or its tenant. One such answer decides nothing (see missing.ts). */
export class SessionGoneError extends Error {
  constructor(readonly what: 'session' | 'tenant') {
    super(`hbf-core does not know the ${what} any more`);
    this.name = 'SessionGoneError';
  }

  /** What it means for each of the session's deliveries, once that is certain. */
  get result(): DeliveryResult {
    return { result: 'impossible', code: 'session_gone', message: this.message };
  }
}

/** A session as the session check has it in memory, and its tenant. */
export interface InMemory {
  session: ChatSession;
  tenant: Tenant;
}

/**
 * The body of one session's deliveries, read and serialised at most once. A first attempt has the session that the check
 * has in memory. It is serialised at once: its bytes lie outside the heap, while a parsed session is hundreds of objects
 * that the garbage collector would copy until its turn comes. (Not where a contact has to be looked up: that waits until
 * the first of the deliveries asks.) A later attempt reads the session again from hbf-core, as no transcript is kept at
 * rest.
 */
export class PayloadSource {
  private body?: Promise<Buffer>;
  private readonly knownTenant?: Tenant;
  /** Kept only where it could not be serialised at once. */
  private readonly session?: ChatSession;

  constructor(
    private readonly ended: Pick<EndedSession, 'sessionId' | 'revision' | 'organizationId' | 'tenantId'>,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    inMemory?: InMemory,
  ) {
    if (!inMemory) return;
    const { session, tenant } = inMemory;
    this.knownTenant = tenant;
    try {
      if (handleOfContact(session, tenant) === undefined) {
        this.body = Promise.resolve(this.serialise(session, tenant, []));
      }
    } catch {
      // it fails again for the delivery that asks for it, and for no other session of its page
    }
    if (!this.body) this.session = session;
  }

  /**
   * The payload for flows and webhooks, as the bytes that are signed and sent.
   *
   * @throws SessionGoneError; PlatformError when hbf-core cannot be asked
   */
  payload(): Promise<Buffer> {
    this.body ??= this.prepare();
    return this.body;
  }

  /** @throws SessionGoneError; PlatformError when hbf-core cannot be asked */
  async tenant(): Promise<Tenant> {
    if (this.knownTenant) return this.knownTenant;
    const { organizationId, tenantId } = this.ended;
    const tenant = await this.tenants.find(organizationId, tenantId);
    if (!tenant) throw new SessionGoneError('tenant');
    return tenant;
  }

  private async prepare(): Promise<Buffer> {
    const tenant = await this.tenant();
    const { sessionId, tenantId } = this.ended;
    const session = this.session ?? (await this.core.getSession(sessionId, { includeMessages: true, tenantId }));
    if (!session) throw new SessionGoneError('session');
    const handle = handleOfContact(session, tenant);
    const contacts = handle === undefined ? [] : await this.core.getContact(tenant.organizationId, tenant.id, handle);
    return this.serialise(session, tenant, contacts);
  }

  private serialise(session: ChatSession, tenant: Tenant, contacts: readonly unknown[]): Buffer {
    const payload = buildSessionPayload({ session, tenant, contacts, revision: this.ended.revision });
    return Buffer.from(JSON.stringify(payload));
  }
}

/** The handle by which the tenant's CRM knows the end user; undefined: there is nobody to look up. */
function handleOfContact(session: ChatSession, tenant: Tenant): string | undefined {
  return tenant.hasCrm && session.subscriberHandle ? session.subscriberHandle : undefined;
}
