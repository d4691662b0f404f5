import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { CoreWitness } from '../platform/core/core-witness.js';
import { OrganizationTenants } from '../platform/core/organization-tenants.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { PlatformError } from '../platform/platform-error.js';
import { readWith, reservedInTime } from '../platform/within-budget.js';
import { ExpiryClock } from './expiry-clock.js';
import { isActive, thresholdOf } from './expiry-policy.js';
import { HeldSessions } from './held-sessions.js';
import { type Outlook, outlookOf } from './outlook.js';
import { Quarantine } from './quarantine.js';

/**
 * What hbf-core tells an organization of a session. `open`: it has not ended. `ended`: it has. `unknown`: there is none, or
 * it is another organization's. `unclear`: hbf-core does not answer, or its answer may mislead.
 */
export type Standing =
  { is: 'open'; outlook: Outlook } | { is: 'ended' } | { is: 'unknown' } | { is: 'unclear'; reason: string };

/** What errors name. */
const REQUEST = { service: 'hbf-core', route: '/chat-sessions/{id}' } as const;
/** A session without messages and its tenant, in bytes; more is reserved as the answer grows. */
const BYTES = 256 * 1024;
/** Milliseconds that a read waits for room in memory. */
const WAIT_FOR_ROOM_MS = 2_000;

/** Asks hbf-core for one session and tells what the session checks will do with it. */
@Injectable()
export class SessionOutlooks {
  constructor(
    private readonly config: Config,
    private readonly core: CoreClient,
    private readonly witness: CoreWitness,
    private readonly tenants: TenantDirectory,
    private readonly organizations: OrganizationTenants,
    private readonly budget: MemoryBudget,
    private readonly quarantine: Quarantine,
    private readonly held: HeldSessions,
    private readonly clock: ExpiryClock,
  ) {}

  /**
   * One call to hbf-core, while a list of the tenants of the last minute is in memory.
   *
   * @throws the database's error
   */
  async of(organizationId: string, sessionId: string): Promise<Standing> {
    try {
      const session = await this.read(sessionId);
      if (session) return await this.standing(organizationId, session);
      if (await this.witness.answersOthers(sessionId)) return { is: 'unknown' };
      return { is: 'unclear', reason: 'hbf-core answers that it does not know the session, and answers nothing else' };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return { is: 'unclear', reason: error.message };
    }
  }

  private async read(id: string): Promise<ChatSession | undefined> {
    const reserved = await reservedInTime(this.budget.reserve(BYTES, { withinMs: WAIT_FOR_ROOM_MS }), REQUEST);
    const query = { includeMessages: false, tenantId: undefined, repeatable: false };
    const { value, room } = await readWith(reserved, () => this.core.getSession(id, query, reserved));
    room.release();
    return value;
  }

  private async standing(organizationId: string, session: ChatSession): Promise<Standing> {
    const tenant = await this.tenantOf(organizationId, session);
    if (!tenant) return { is: 'unknown' };
    if (!isActive(session)) return { is: 'ended' };
    const { defaultThresholdSeconds, liveChatMaxIdleMs } = this.config;
    const [quarantined, held] = await Promise.all([this.quarantine.find(session.id), this.held.sinceOf([session.id])]);
    const threshold = thresholdOf(tenant, defaultThresholdSeconds);
    // the clock is asked after hbf-core has answered: it goes by the time of that answer
    const times = { now: this.clock.now(), threshold, liveChatMaxIdleMs };
    return { is: 'open', outlook: outlookOf(session, times, quarantined, held.get(session.id)) };
  }

  /**
   * The session's tenant, where it is the organization's.
   *
   * @returns undefined when it is another organization's, or nobody's
   * @throws PlatformError when that cannot be told; also where the tenant is newer than the list in memory
   */
  private async tenantOf(organizationId: string, { tenantId }: ChatSession): Promise<Tenant | undefined> {
    const unclear = (code: string) => new PlatformError({ ...REQUEST, kind: 'shape', code });
    if (tenantId === undefined) throw unclear('no_tenant');
    const tenant = await this.tenants.present(tenantId);
    if (tenant) return tenant.organizationId === organizationId ? tenant : undefined;
    const [foreign] = await this.organizations.foreignOf(organizationId, [tenantId]);
    if (foreign !== undefined) return undefined;
    throw unclear('new_tenant');
  }
}
