import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { RejectedItem } from '../platform/page.js';
import { SessionLists } from './session-lists.js';
import { decide, type ExpiryDecision, type ExpiryThreshold, thresholdOf } from './expiry-policy.js';

/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;

/** A session that has ended, or would have but for an open live chat. Without its messages. */
export interface FoundSession {
  session: ChatSession;
  tenant: Tenant;
  threshold: ExpiryThreshold;
  decision: Exclude<ExpiryDecision, { action: 'keep' | 'reject' }>;
}

/** Looks up which sessions have ended, without their messages and without doing anything about it. */
@Injectable()
export class EndedSessions {
  constructor(
    private readonly config: Config,
    private readonly lists: SessionLists,
  ) {}

  /**
   * Reads until a page brings nothing new. Nobody completes anything meanwhile, but users write: a session on a page that
   * shifted is seen once at most, and one that was missed is seen the next time.
   *
   * @param now the one point in time that decides, epoch ms
   * @returns what could not be read, or cannot be true
   * @throws PlatformError when hbf-core fails
   */
  async each(tenant: Tenant, now: number, visit: (ended: FoundSession) => void): Promise<RejectedItem[]> {
    const { sessionPageSize, defaultThresholdSeconds, liveChatMaxIdleMs } = this.config;
    const threshold = thresholdOf(tenant, defaultThresholdSeconds);
    const lastInteractionBefore = new Date(now - threshold.seconds * 1000);
    const scope = { tenantId: tenant.id, lastInteractionBefore, includeMessages: false };
    const known = new Set<string>();
    const rejected = new Map<string, RejectedItem>();
    for (let page = 0, pageSize = sessionPageSize; page < MAX_PAGES; page++) {
      const found = await this.lists.list({ ...scope, page, pageSize }, { leftPool: () => undefined });
      const before = known.size + rejected.size;
      for (const session of found.items) {
        const decision = decide(session, { now, threshold, liveChatMaxIdleMs });
        if (known.has(session.id)) continue;
        known.add(session.id);
        if (decision.action === 'reject') rejected.set(session.id, { id: session.id, problem: decision.problem });
        else if (decision.action !== 'keep') visit({ session, tenant, threshold, decision });
      }
      for (const item of found.rejected) rejected.set(item.id ?? item.problem, item);
      if (known.size + rejected.size === before) break;
      if (page === 0) pageSize = Math.min(pageSize, found.count); // as TenantScanner
    }
    return [...rejected.values()];
  }
}
