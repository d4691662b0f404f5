import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient, type SessionPage } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { CheckFigures } from './check-figures.js';
import { decide, type ExpiryTimes, thresholdOf } from './expiry-policy.js';
import { type CompletionContext, type Ended, type PlannedPage, SessionCompleter } from './session-completer.js';
import { SessionReader } from './session-reader.js';
import { Quarantine } from './quarantine.js';

type ScanTimes = Omit<ExpiryTimes, 'liveChatMaxIdleMs'>;

/** Reads a tenant's expired sessions, page by page with their messages, and has them completed. */
@Injectable()
export class TenantScanner {
  constructor(
    private readonly config: Config,
    private readonly core: CoreClient,
    private readonly integrations: IntegrationRepository,
    private readonly completer: SessionCompleter,
    private readonly firstAttempts: FirstAttempts,
    private readonly quarantine: Quarantine,
  ) {}

  /**
   * Completing takes sessions out of the list, so the pages shift: paging on would skip some, and reading the first
   * page again and again would not end where sessions are held back. So the same page is read again for as long as
   * something on it was completed, and the next one only when all that is on it stays; until the page that was the last
   * one when it was read. The cutoff is one for all.
   *
   * @param now the check's one point in time, epoch ms
   * @param mayGoOn asked before each page; false: the process stops, or the lease is lost
   * @throws PlatformError when hbf-core fails
   */
  async scan(tenant: Tenant, now: number, figures: CheckFigures, mayGoOn: () => Promise<boolean>): Promise<void> {
    const { sessionPageSize: pageSize, defaultThresholdSeconds } = this.config;
    const threshold = thresholdOf(tenant, defaultThresholdSeconds);
    const integrations = await this.integrations.enabledForTenants([tenant.id]);
    const context = { tenant, thresholdSeconds: threshold.seconds, integrations, figures };
    /** Seen, and expected to stay on the list. */
    const staying = new Set<string>();
    const lastInteractionBefore = new Date(now - threshold.seconds * 1000);
    const reader = new SessionReader(this.core, { tenantId: tenant.id, lastInteractionBefore, pageSize }, (session) => {
      const ended = this.decide(session, { now, threshold }).action === 'complete';
      return ended && !staying.has(session.id) && !this.quarantine.has(session.id);
    });
    for (let page = 0; ;) {
      const permits = await this.firstAttempts.reserve(pageSize);
      try {
        if (!(await mayGoOn())) return;
        const readAt = Date.now();
        const read = { ...context, readAt };
        const { planned, last } = await this.planPage(reader, page, { now, threshold }, staying, read);
        const found = planned.sessions.length;
        permits.keep(found);
        const stay = found > 0 ? await this.completer.complete(planned, read) : [];
        stay.forEach((id) => staying.add(id));
        const outOfDate = Date.now() - readAt > this.completer.leaseMs; // then it was given back, to be read again
        if (last && !outOfDate) return;
        if (found === stay.length) page++;
      } finally {
        permits.release();
      }
    }
  }

  /** By itself, so that the sessions as they were read are not held on to while they are completed. */
  private async planPage(
    reader: SessionReader,
    page: number,
    times: ScanTimes,
    staying: Set<string>,
    context: CompletionContext,
  ): Promise<{ planned: PlannedPage; last: boolean }> {
    const { tenant, figures } = context;
    const found = await reader.read(page);
    this.noteRejected(found, tenant, staying, figures);
    this.leaveOthers(found, tenant, staying);
    const fresh = found.items.filter((session) => !staying.has(session.id));
    const ended = this.select(fresh, times, staying, context);
    return { planned: this.completer.plan(ended, context), last: isLast(found, page, this.config.sessionPageSize) };
  }

  private decide(session: ChatSession, times: ScanTimes) {
    return decide(session, { ...times, liveChatMaxIdleMs: this.config.liveChatMaxIdleMs });
  }

  private select(
    fresh: readonly ChatSession[],
    times: ScanTimes,
    staying: Set<string>,
    { tenant, figures }: CompletionContext,
  ): Ended[] {
    const ended: Ended[] = [];
    for (const session of fresh) {
      const decision = this.decide(session, times);
      if (decision.action === 'complete' && !this.quarantine.has(session.id)) {
        ended.push({ session, rule: decision.rule });
        continue;
      }
      staying.add(session.id);
      if (decision.action === 'hold') figures.held++;
      if (decision.action !== 'reject') continue;
      this.quarantine.add(session.id, tenant.id, decision.problem);
      figures.malformed++;
    }
    figures.found += ended.length;
    return ended;
  }

  /** Were hbf-core's filter to fail, a customer would get another's transcripts. */
  private leaveOthers(found: SessionPage, tenant: Tenant, staying: Set<string>): void {
    for (const { id, tenantId } of found.items) {
      if (tenantId === undefined || tenantId === tenant.id) continue;
      this.quarantine.add(id, tenant.id, 'hbf-core lists it for this tenant, but it is of another');
      staying.add(id);
    }
  }

  private noteRejected(found: SessionPage, tenant: Tenant, staying: Set<string>, figures: CheckFigures): void {
    for (const { id, problem } of found.rejected) {
      this.quarantine.add(id, tenant.id, problem);
      const key = id ?? problem;
      if (staying.has(key)) continue;
      staying.add(key);
      figures.malformed++;
    }
  }
}

/** `total` decides where hbf-core tells it; it may give fewer on a page than were asked for. */
function isLast(found: SessionPage, page: number, pageSize: number): boolean {
  if (found.count === 0) return true;
  return found.total === undefined ? found.count < pageSize : page * pageSize + found.count >= found.total;
}
