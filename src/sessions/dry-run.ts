import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import { Config } from '../config/config.js';
import type { ExpiryRule } from '../completions/completion.js';
import { PlatformError } from '../platform/platform-error.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { Backpressure } from './backpressure.js';
import { ExpiryClock } from './expiry-clock.js';
import { type FoundSession, EndedSessions } from './ended-sessions.js';
import { HeldSessions } from './held-sessions.js';
import { Oldest } from './oldest.js';
import { Quarantine } from './quarantine.js';

/** `live-chat-open`: somebody may be on it. `quarantined`: hbf-core refuses it or it was unreadable; tried again later. */
export type HoldReason = 'live-chat-open' | 'quarantined';

export interface PreviewedSession {
  sessionId: string;
  tenantId: string;
  lastInteraction: Date;
  idleSeconds: number;
  thresholdSeconds: number;
  /** By which it would be completed; absent while it is held. */
  rule?: ExpiryRule;
  /** Why it is held. */
  reason?: HoldReason;
  /** When a check first found it held; absent where none has. */
  heldSince?: Date;
}

export interface PreviewList {
  /** All of them; the list may hold fewer. */
  count: number;
  /** The oldest first. */
  sessions: PreviewedSession[];
}

/** What a check at this moment would do. */
export interface CheckPreview {
  at: Date;
  tenants: number;
  /** Too many deliveries wait: it would do nothing of it yet. */
  paused: boolean;
  complete: PreviewList;
  held: PreviewList;
  /** Sessions that cannot be read, and so are left alone. */
  malformed: number;
  /** Tenants whose sessions hbf-core does not list now. */
  tenantsFailed: number;
}

const LISTED_AT_MOST = 1_000;
/** Scans under way at a time: of all dry runs together, so that a session check waits for no more than these; of one. */
const SCANS_AT_ONCE = 200;
const SCANS_OF_ONE = 100;

/**
 * Tells what a session check would do, and does nothing of it. Costs one light call for each tenant at least. One dry run
 * of all tenants, and one of each organization, runs at a time: who asks meanwhile gets the same answer.
 */
@Injectable()
export class DryRun {
  private readonly limit = pLimit(SCANS_AT_ONCE);
  /** By organization; undefined: of all tenants. */
  private readonly running = new Map<string | undefined, Promise<CheckPreview>>();

  constructor(
    private readonly clock: ExpiryClock,
    private readonly tenants: TenantDirectory,
    private readonly endedSessions: EndedSessions,
    private readonly quarantine: Quarantine,
    private readonly heldSessions: HeldSessions,
    private readonly pressure: Backpressure,
    private readonly config: Config,
  ) {}

  /**
   * @param organizationId whose tenants; absent: all tenants
   * @throws PlatformError when hbf-core lists no tenant's sessions; a database error when the database is away
   */
  run(organizationId?: string): Promise<CheckPreview> {
    const running = this.running.get(organizationId);
    if (running) return running;
    const run = this.look(organizationId).finally(() => this.running.delete(organizationId));
    this.running.set(organizationId, run);
    return run;
  }

  private async look(organizationId?: string): Promise<CheckPreview> {
    const paused = (await this.pressure.countWaiting()) > this.config.backlogHighWater;
    await this.quarantine.load();
    const tenants = await (organizationId === undefined ? this.tenants.refresh() : this.tenants.listOf(organizationId));
    const now = this.clock.now();
    const complete = new Oldest<PreviewedSession>(LISTED_AT_MOST);
    const held = new Oldest<PreviewedSession>(LISTED_AT_MOST);
    const scans = await this.scanAll(tenants, now, (preview) => (preview.reason ? held : complete).add(preview));
    const failures = scans.filter((scan) => scan instanceof PlatformError);
    if (failures.length > 0 && failures.length === tenants.length) throw failures[0]!;
    return {
      at: new Date(now),
      tenants: tenants.length,
      paused,
      complete: { count: complete.count, sessions: complete.list() },
      held: { count: held.count, sessions: await this.withSince(held.list()) },
      malformed: scans.reduce<number>((sum, scan) => sum + (scan instanceof PlatformError ? 0 : scan), 0),
      tenantsFailed: failures.length,
    };
  }

  private async withSince(held: readonly PreviewedSession[]): Promise<PreviewedSession[]> {
    const byLiveChats = held.filter(({ reason }) => reason === 'live-chat-open').map(({ sessionId }) => sessionId);
    const since = await this.heldSessions.sinceOf(byLiveChats);
    return held.map((one) => {
      const heldSince =
        one.reason === 'quarantined' ? this.quarantine.sinceOf(one.sessionId) : since.get(one.sessionId);
      return { ...one, ...(heldSince && { heldSince }) };
    });
  }

  /** @returns of each tenant how many sessions are malformed, or why hbf-core does not list them */
  private scanAll(
    tenants: readonly Tenant[],
    now: number,
    visit: (preview: PreviewedSession) => void,
  ): Promise<(number | PlatformError)[]> {
    const own = pLimit(SCANS_OF_ONE);
    const scan = async (tenant: Tenant): Promise<number | PlatformError> => {
      try {
        const malformed = await this.endedSessions.each(tenant, now, (ended) => visit(this.preview(ended, now)));
        return malformed.length;
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        return error;
      }
    };
    return Promise.all(tenants.map((tenant) => own(() => this.limit(() => scan(tenant)))));
  }

  private preview({ session, tenant, threshold, decision }: FoundSession, now: number): PreviewedSession {
    const { id, lastInteraction } = session;
    const facts = {
      sessionId: id,
      tenantId: tenant.id,
      lastInteraction,
      idleSeconds: Math.floor((now - lastInteraction.getTime()) / 1000),
      thresholdSeconds: threshold.seconds,
    };
    if (decision.action === 'hold') return { ...facts, reason: 'live-chat-open' };
    return this.quarantine.holds(id) ? { ...facts, reason: 'quarantined' } : { ...facts, rule: decision.rule };
  }
}
