import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { Completion } from './completion.js';
import { buildSessionPayload } from './payload/session-payload.js';

/** The session, or its tenant, is not there any more: what is owed for it can never be paid. */
export class SessionGoneError extends Error {
  constructor(what: 'session' | 'tenant') {
    super(`hbf-core does not know the ${what} any more`);
    this.name = 'SessionGoneError';
  }
}

/** What the check has in memory when it writes down what is owed for a session. */
export interface InMemory {
  session: ChatSession;
  tenant: Tenant;
}

/**
 * What the deliveries of one completion are made of, read and serialised at most once. A first attempt brings the
 * session that the check has in memory. It is serialised there and then: its bytes lie outside the heap, while a parsed
 * session is hundreds of objects that the garbage collector would carry along until its turn comes. (Not where a
 * contact has to be looked up: that waits until the first of the deliveries asks.) A later attempt reads the session
 * again from hbf-core, as no transcript is kept at rest.
 */
export class SessionMaterial {
  /** Bytes where they are there already: a promise in each of thousands of attempts costs something, too. */
  private body?: Buffer | Promise<Buffer>;
  private readonly knownTenant?: Tenant;
  /** Kept only where it could not be serialised at once. */
  private readonly session?: ChatSession;

  constructor(
    private readonly completion: Pick<Completion, 'sessionId' | 'revision' | 'organizationId' | 'tenantId'>,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    inMemory?: InMemory,
  ) {
    if (!inMemory) return;
    const { session, tenant } = inMemory;
    this.knownTenant = tenant;
    try {
      if (handleOfContact(session, tenant) === undefined) this.body = this.serialise(session, tenant, []);
    } catch {
      // it fails again for whoever asks for it, and for nobody else on its page
    }
    if (!this.body) this.session = session;
  }

  /**
   * The payload for flows and webhooks, as the bytes that are signed and sent.
   *
   * @throws SessionGoneError; PlatformError when hbf-core cannot be asked
   */
  payload(): Buffer | Promise<Buffer> {
    this.body ??= this.prepare();
    return this.body;
  }

  /** @throws SessionGoneError; PlatformError when hbf-core cannot be asked */
  tenant(): Tenant | Promise<Tenant> {
    return this.knownTenant ?? this.findTenant();
  }

  private async findTenant(): Promise<Tenant> {
    const { organizationId, tenantId } = this.completion;
    const tenant = await this.tenants.find(organizationId, tenantId);
    if (!tenant) throw new SessionGoneError('tenant');
    return tenant;
  }

  private async prepare(): Promise<Buffer> {
    const tenant = await this.tenant();
    const { sessionId } = this.completion;
    const session = this.session ?? (await this.core.getSession(sessionId, { includeMessages: true }));
    if (!session) throw new SessionGoneError('session');
    const handle = handleOfContact(session, tenant);
    const contacts = handle === undefined ? [] : await this.core.getContact(tenant.organizationId, tenant.id, handle);
    return this.serialise(session, tenant, contacts);
  }

  private serialise(session: ChatSession, tenant: Tenant, contacts: readonly unknown[]): Buffer {
    const payload = buildSessionPayload({ session, tenant, contacts, revision: this.completion.revision });
    return Buffer.from(JSON.stringify(payload));
  }
}

/** By which the tenant's CRM knows the end user; undefined: there is nobody to look up. */
function handleOfContact(session: ChatSession, tenant: Tenant): string | undefined {
  return tenant.hasCrm && session.subscriberHandle ? session.subscriberHandle : undefined;
}
