import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient, type SessionPage } from '../platform/core/core.client.js';
import type { ActiveSessionsQuery } from '../platform/core/session-queries.js';
import { PlatformError } from '../platform/platform-error.js';
import type { Reservation } from '../platform/reservation.js';
import { CallPool } from './call-pool.js';
import type { CheckRun, Scan } from './check-run.js';
import { ListTiming } from './list-timing.js';

/** Who asks for a list: the scan of a check, or a dry run. */
interface Caller {
  run?: CheckRun;
  /** Called when the call takes long, and others no longer wait for it. */
  leftPool: () => void;
}

/** hbf-core listed sessions for a tenant that cannot exist: it does not filter by tenant. */
export class TenantFilterError extends Error {
  constructor() {
    super('hbf-core lists sessions for a tenant that does not exist: it ignores tenantId, and no session is ended');
    this.name = 'TenantFilterError';
  }
}

/** Asks hbf-core for sessions, SESSION_CHECK_CONCURRENCY calls at a time; slow calls beside them. */
@Injectable()
export class SessionLists {
  private readonly pool: CallPool;

  constructor(
    private readonly config: Config,
    private readonly core: CoreClient,
    private readonly timing: ListTiming,
  ) {
    this.pool = new CallPool(config.sessionCheckConcurrency);
  }

  /**
   * One page of a tenant's sessions.
   *
   * @param room what is reserved for it, given back while the call hangs: what comes asks for room anew
   * @throws PlatformError
   */
  list(query: ActiveSessionsQuery, { leftPool, run }: Caller, room?: Reservation): Promise<SessionPage> {
    const left = () => {
      room?.shrinkTo(0);
      leftPool();
    };
    return this.pool.run(async () => {
      if (run?.guard.away) throw run.guard.away; // its turn came after the check was given up
      const startedAt = performance.now();
      const page = await this.core.listActiveSessions(query, room);
      const durationMs = performance.now() - startedAt;
      this.pool.limit = this.timing.note(durationMs, this.pool.limit, this.config.sessionCheckConcurrency);
      return page;
    }, left);
  }

  /**
   * One session with its messages.
   *
   * @returns undefined when hbf-core does not know it
   * @throws PlatformError
   */
  read(id: string, { leftPool, tenant }: Scan, room: Reservation): Promise<ChatSession | undefined> {
    const query = { includeMessages: true, tenantId: tenant.id };
    return this.pool.run(() => this.core.getSession(id, query, room), leftPool);
  }

  /**
   * Asks for the sessions of a tenant that cannot exist. Were hbf-core to ignore the tenant, the sessions of one customer
   * would go to another.
   *
   * @throws TenantFilterError; PlatformError when hbf-core does not answer
   */
  async proveFilter(now: number): Promise<void> {
    try {
      const { count } = await this.core.listActiveSessions({
        tenantId: crypto.randomUUID(),
        lastInteractionBefore: new Date(now),
        page: 0,
        pageSize: 1,
        includeMessages: false,
      });
      if (count > 0) throw new TenantFilterError();
    } catch (error) {
      if (!(error instanceof PlatformError) || error.status !== 400) throw error;
    }
  }
}
