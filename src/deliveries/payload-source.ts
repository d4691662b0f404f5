import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { CoreClient } from '../platform/core/core.client.js';
import type { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { EndedSession } from '../completions/completion.js';
import type { DeliveryResult } from '../completions/transitions.js';
import { sessionBody } from '../payload/session-body.js';
import type { MemoryBudget } from '../platform/memory-budget.js';
import type { Reservation } from '../platform/reservation.js';
import { withinBudget } from '../platform/within-budget.js';

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
  /** For this session alone, which owns it from now on. */
  room?: Reservation;
}

/** What a later attempt begins with. */
export interface Later {
  /** In which the session is read again. */
  budget: MemoryBudget;
  /** Where it is still in memory. */
  body?: Buffer;
}

/**
 * A session of unknown length. The wait, once for a reservation beside others and once for one alone, is within the ten
 * seconds that leases have beyond the longest attempt.
 */
const READ_AGAIN = { service: 'hbf-core', route: '/chat-sessions/{id}', bytes: 64 * 1024, withinMs: 5_000 } as const;

/**
 * The body of one session's deliveries, read and serialised at most once. A first attempt has the session that the check
 * has in memory. It is serialised at once: its bytes lie outside the heap, while a parsed session is hundreds of objects
 * that the garbage collector would copy until its turn comes. (Not where a contact has to be looked up: that waits until
 * the first of the deliveries asks.) A later attempt reads the session again from hbf-core, as no transcript is kept at
 * rest, unless the body is still in memory. Its memory is reserved until `close`.
 */
export class PayloadSource {
  private body?: Promise<Buffer>;
  private made?: Buffer;
  private readonly knownTenant?: Tenant;
  /** Kept only where it could not be serialised at once, and until it is. */
  private session?: ChatSession;
  private room?: Reservation;
  private readonly budget?: MemoryBudget;
  private closed = false;

  constructor(
    private readonly ended: Pick<EndedSession, 'sessionId' | 'revision' | 'organizationId' | 'tenantId'>,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    from?: InMemory | Later,
  ) {
    if (!from) return;
    if ('budget' in from) {
      this.budget = from.budget;
      this.made = from.body;
      this.body = from.body && Promise.resolve(from.body);
      return;
    }
    const { session, tenant, room } = from;
    this.knownTenant = tenant;
    this.room = room;
    try {
      if (handleOfContact(session, tenant) === undefined) {
        this.body = Promise.resolve(this.serialise(session, tenant, []));
      }
    } catch {
      // it fails again for the delivery that asks for it, and for no other session of its page
    }
    if (!this.body) this.session = session;
  }

  /** The body, where it is made already. */
  get bodyInMemory(): Buffer | undefined {
    return this.made;
  }

  /** No delivery will ask any more: what the body takes of the memory budget is given back. */
  close(): void {
    this.room?.release();
    this.room = undefined;
    this.closed = true;
  }

  /**
   * The body of the session's webhooks, as the bytes that are signed and sent. A flow's body is made of it (`flowBody`).
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
    const session = this.session ?? (await this.readAgain());
    if (!session) throw new SessionGoneError('session');
    const handle = handleOfContact(session, tenant);
    const contacts = handle === undefined ? [] : await this.core.getContact(tenant.organizationId, tenant.id, handle);
    return this.serialise(session, tenant, contacts);
  }

  private async readAgain(): Promise<ChatSession | undefined> {
    const { sessionId, tenantId } = this.ended;
    const read = (room?: Reservation) => this.core.getSession(sessionId, { includeMessages: true, tenantId }, room);
    if (!this.budget) return read();
    const { value, room } = await withinBudget(this.budget, READ_AGAIN, read);
    if (this.closed) room.release();
    else this.room = room;
    return value;
  }

  private serialise(session: ChatSession, tenant: Tenant, contacts: readonly unknown[]): Buffer {
    this.made = sessionBody({ session, tenant, contacts, revision: this.ended.revision });
    this.session = undefined;
    this.room?.shrinkTo(this.made.length);
    return this.made;
  }
}

/** The handle by which the tenant's CRM knows the end user; undefined: there is nobody to look up. */
function handleOfContact(session: ChatSession, tenant: Tenant): string | undefined {
  return tenant.hasCrm && session.subscriberHandle ? session.subscriberHandle : undefined;
}
