import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { SessionPage } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { Backpressure } from './backpressure.js';
import type { CheckRun, Scan } from './check-run.js';
import { CompletionBatches } from './completion-batches.js';
import { CompletionPace } from './completion-pace.js';
import { decide, thresholdOf } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';
import type { ReadSession } from './delivery-plan.js';
import { type CompletionResult, SessionCompleter } from './session-completer.js';
import { type LightReading, type PageRead, SessionPages } from './session-pages.js';
import { TenantProblems } from './tenant-problems.js';

/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;

/** What one page of a scan came to. */
interface PageOutcome {
  /** Sessions. */
  completed: number;
  /** Sessions, or problems, that the scan had not met before. */
  fresh: number;
  /** Some of it must be read again. */
  again: boolean;
}

/** Reads a tenant's expired sessions, page by page, and has them completed. */
@Injectable()
export class TenantScanner {
  private readonly logger = new Logger(TenantScanner.name);
  private stopping = false;

  constructor(
    private readonly config: Config,
    private readonly pages: SessionPages,
    private readonly batches: CompletionBatches,
    private readonly completer: SessionCompleter,
    private readonly pace: CompletionPace,
    private readonly quarantine: Quarantine,
    private readonly problems: TenantProblems,
    private readonly pressure: Backpressure,
  ) {}

  /** From here on no scan begins a further page. */
  stop(): void {
    this.stopping = true;
  }

  /**
   * Completing takes sessions out of the list, so the pages shift: paging on would skip some, and reading the first
   * page again and again would not end where sessions are held back. So the same page is read again for as long as
   * something on it was completed, and the next one when all that is on it stays. Where everything on a page was
   * completed, `total` or a short page may say that it was the last: if that is wrong, the next check finds the rest.
   * Where something stays, the list is read until a page brings nothing new.
   *
   * @param light whether to list without messages first; else that is done where a session stays on the list
   * @throws PlatformError when the tenant's list fails; CompletionFailedError
   */
  async scan(tenant: Tenant, run: CheckRun, leftPool: () => void, light = false): Promise<void> {
    const threshold = thresholdOf(tenant, this.config.defaultThresholdSeconds);
    const cutoff = new Date(run.now - threshold.seconds * 1000);
    const asLight = light || this.readsOneByOne(tenant);
    const scan: Scan = { tenant, threshold, cutoff, run, leftPool, light: asLight };
    /** Seen, and expected to stay on the list. */
    const staying = new Set<string>();
    for (let page = 0, lastSize = 0, reads = 0; reads < MAX_PAGES; reads++) {
      await this.batches.room();
      if (!(await this.mayGoOn(run, tenant))) return;
      const pageSize = this.pages.sizeFor(scan);
      if (pageSize !== lastSize) page = 0; // pages of another size: what stays is passed over
      lastSize = pageSize;
      const readAt = Date.now();
      const taken = { sessions: 0 };
      const found = await this.pages.read(scan, { page, pageSize }, this.lightReading(scan, staying, taken));
      if (!found) continue;
      run.guard.listed(tenant.id);
      const { completed, fresh, again } = await this.completePage(found, scan, staying, readAt);
      this.pace.giveBack(taken.sessions - completed);
      const allCompleted = completed === found.count;
      if (allCompleted && isLast(found, page, pageSize)) return this.end(scan, staying, found);
      if (allCompleted || again || found.unread > 0) continue;
      if (fresh === 0) return this.end(scan, staying, found);
      if (completed === 0) page++;
    }
    this.logger.warn({ tenantId: tenant.id, pages: MAX_PAGES }, 'session-check.list-endless');
  }

  private readsOneByOne({ id }: Tenant): boolean {
    return this.pace.limited || this.pages.hasStaying(id) || this.quarantine.knowsSomeOf(id);
  }

  private lightReading(scan: Scan, staying: ReadonlySet<string>, taken: { sessions: number }): LightReading {
    return {
      isWanted: (session) => this.isWanted(session, scan, staying),
      take: async (wanted) => {
        taken.sessions = await this.pace.take(wanted, () => this.mayGoOn(scan.run, scan.tenant));
        return taken.sessions;
      },
    };
  }

  private async mayGoOn(run: CheckRun, tenant: Tenant): Promise<boolean> {
    const { figures } = run;
    if (this.stopping || run.guard.away || figures.paused || run.suspect.has(tenant.id)) return false;
    if (this.pace.isOver(run.deadline)) {
      run.defer(tenant.id);
      return false;
    }
    figures.paused = await this.pressure.tooHigh(figures.completed);
    return !figures.paused;
  }

  private async completePage(found: PageRead, scan: Scan, staying: Set<string>, readAt: number): Promise<PageOutcome> {
    const { run } = scan;
    const freshProblems = this.noteRejected(found, scan, staying);
    for (const id of found.gone) staying.add(id);
    const fresh = found.items.filter((session) => !staying.has(session.id));
    const ended = this.select(fresh, scan, staying, readAt);
    run.figures.found += ended.length;
    const results = ended.length > 0 ? await this.batches.complete(ended, run) : new Map<string, CompletionResult>();
    for (const { id } of ended) if (results.get(id) === 'active') staying.add(id);
    const count = (wanted: CompletionResult) => [...results.values()].filter((one) => one === wanted).length;
    return { completed: count('completed'), fresh: fresh.length + freshProblems, again: count('again') > 0 };
  }

  /** Serialised right away: the sessions as they were read are not held on to while they wait for their batch. */
  private select(fresh: readonly ChatSession[], scan: Scan, staying: Set<string>, readAt: number): ReadSession[] {
    const { tenant, threshold, run } = scan;
    const ended: ReadSession[] = [];
    for (const session of fresh) {
      const decision = this.decide(session, scan);
      if (decision.action === 'complete' && !this.isForeign(session, scan) && !this.quarantine.holds(session.id)) {
        const facts = { rule: decision.rule, thresholdSeconds: threshold.seconds, tenant, readAt, run };
        ended.push(this.completer.read(session, facts));
        continue;
      }
      staying.add(session.id);
      if (decision.action === 'hold') run.figures.held++;
      if (decision.action !== 'reject') continue;
      this.quarantine.add(session.id, tenant.id, decision.problem);
      run.figures.malformed++;
    }
    return ended;
  }

  private isWanted(session: ChatSession, scan: Scan, staying: ReadonlySet<string>): boolean {
    if (staying.has(session.id) || this.quarantine.holds(session.id)) return false;
    return this.decide(session, scan).action === 'complete';
  }

  private decide(session: ChatSession, { run, threshold }: Scan) {
    return decide(session, { now: run.now, threshold, liveChatMaxIdleMs: this.config.liveChatMaxIdleMs });
  }

  /** Were hbf-core's filter to fail, a customer would get another's transcripts. */
  private isForeign({ id, tenantId }: ChatSession, { tenant, run }: Scan): boolean {
    if (tenantId !== undefined && tenantId !== tenant.id) {
      this.quarantine.add(id, tenant.id, 'hbf-core lists it for this tenant, but it is of another');
      return true;
    }
    const other = run.otherOwner(id, tenant.id);
    if (other === undefined) return false;
    run.suspect.add(other).add(tenant.id);
    this.quarantine.add(id, tenant.id, `hbf-core lists it for this tenant and for ${other}`);
    return true;
  }

  /** @returns how many problems are new to this scan */
  private noteRejected(found: SessionPage, { tenant, run }: Scan, staying: Set<string>): number {
    const before = staying.size;
    for (const { id, problem } of found.rejected) {
      if (id === undefined) this.problems.note(tenant.id, problem, run.now);
      else this.quarantine.add(id, tenant.id, problem);
      staying.add(id ?? problem);
    }
    run.figures.malformed += staying.size - before;
    return staying.size - before;
  }

  private end({ tenant, run }: Scan, staying: ReadonlySet<string>, { total }: SessionPage): void {
    this.pages.noteStaying(tenant.id, staying.size > 0);
    if (total === undefined || total <= staying.size) return;
    run.figures.listsShort++;
    this.logger.warn({ tenantId: tenant.id, total, listed: staying.size }, 'session-check.list-short');
  }
}

/** `total` decides where hbf-core tells it; it may give fewer on a page than were asked for. */
function isLast(found: SessionPage, page: number, pageSize: number): boolean {
  if (found.count === 0) return true;
  return found.total === undefined ? found.count < pageSize : page * pageSize + found.count >= found.total;
}
