import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { HasSurveys } from '../platform/core/survey-directory.js';
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

/** What the check has in memory when it begins a session's first attempts. */
export interface InMemory {
  session: ChatSession;
  tenant: Tenant;
  /** Asked after the session was completed, together with its neighbours. */
  hasSurveys: HasSurveys;
}

/**
 * What the deliveries of one completion are made of. Read and serialised at most once, when the first of them asks;
 * a first attempt brings the session that the check has in memory, a later one reads it again from hbf-core, as no
 * transcript is kept at rest.
 */
export class SessionMaterial {
  private body?: Promise<Buffer>;
  private known?: Promise<{ session: ChatSession; tenant: Tenant }>;

  constructor(
    private readonly completion: Pick<Completion, 'sessionId' | 'revision' | 'organizationId' | 'tenantId'>,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly inMemory?: InMemory,
  ) {
    if (inMemory) this.known = Promise.resolve(inMemory);
  }

  /**
   * The payload for flows and webhooks, as the bytes that are signed and sent.
   *
   * @throws SessionGoneError; PlatformError when hbf-core cannot be asked
   */
  payload(): Promise<Buffer> {
    this.body ??= this.serialise();
    return this.body;
  }

  /** @throws SessionGoneError; PlatformError when hbf-core cannot be asked */
  async tenant(): Promise<Tenant> {
    if (this.known) return (await this.known).tenant;
    const { organizationId, tenantId } = this.completion;
    const tenant = await this.tenants.find(organizationId, tenantId);
    if (!tenant) throw new SessionGoneError('tenant');
    return tenant;
  }

  /** @throws PlatformError when hbf-core does not answer */
  async mayHaveSurveys(): Promise<boolean> {
    return this.inMemory ? this.inMemory.hasSurveys(this.completion.organizationId) : true;
  }

  private async serialise(): Promise<Buffer> {
    this.known ??= this.read();
    const { session, tenant } = await this.known;
    const contacts = await this.contacts(session, tenant);
    const payload = buildSessionPayload({ session, tenant, contacts, revision: this.completion.revision });
    return Buffer.from(JSON.stringify(payload));
  }

  private async read(): Promise<{ session: ChatSession; tenant: Tenant }> {
    const tenant = await this.tenant();
    const session = await this.core.getSession(this.completion.sessionId, { includeMessages: true });
    if (!session) throw new SessionGoneError('session');
    return { session, tenant };
  }

  private async contacts(session: ChatSession, tenant: Tenant): Promise<unknown[]> {
    if (!tenant.hasCrm || !session.subscriberHandle) return [];
    return this.core.getContact(tenant.organizationId, tenant.id, session.subscriberHandle);
  }
}
