import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { RejectedItem } from '../platform/page.js';
import { decide, type ExpiryDecision, type ExpiryThreshold, thresholdOf } from './expiry-policy.js';

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
    private readonly core: CoreClient,
  ) {}

  /**
   * Nobody completes anything while this reads, but users write: a session on a page that shifted is seen once at most,
   * and one that was missed is seen the next time.
   *
   * @param now the one point in time that decides, epoch ms
   * @returns what could not be read, or cannot be true
   * @throws PlatformError when hbf-core fails
   */
  async each(tenant: Tenant, now: number, visit: (ended: FoundSession) => void): Promise<RejectedItem[]> {
    const { sessionPageSize: pageSize, defaultThresholdSeconds, liveChatMaxIdleMs } = this.config;
    const threshold = thresholdOf(tenant, defaultThresholdSeconds);
    const lastInteractionBefore = new Date(now - threshold.seconds * 1000);
    const light = { tenantId: tenant.id, lastInteractionBefore, includeMessages: false, includeTenant: false };
    const known = new Set<string>();
    const rejected: RejectedItem[] = [];
    for (let page = 0, seen = 0; ; page++) {
      const { items, count, total, ...rest } = await this.core.listActiveSessions({ ...light, page, pageSize });
      for (const session of items) {
        const decision = decide(session, { now, threshold, liveChatMaxIdleMs });
        if (known.has(session.id)) continue;
        known.add(session.id);
        if (decision.action === 'reject') rejected.push({ id: session.id, problem: decision.problem });
        else if (decision.action !== 'keep') visit({ session, tenant, threshold, decision });
      }
      rejected.push(...rest.rejected);
      seen += count;
      if (count === 0 || (total === undefined ? count < pageSize : seen >= total)) return rejected;
    }
  }
}
