import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { SessionPage } from '../platform/core/core.client.js';
import type { ExpiryRule } from '../completions/completion.js';
import { PlatformError } from '../platform/platform-error.js';
import type { Reservation } from '../platform/reservation.js';
import type { BudgetedValue } from '../platform/within-budget.js';
import type { Scan } from './check-run.js';
import { CompletionBatches } from './completion-batches.js';
import { CompletionPace } from './completion-pace.js';
import type { ReadSession } from './delivery-plan.js';
import { decide } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';
import { type CompletionResult, SessionCompleter } from './session-completer.js';
import { SessionPages } from './session-pages.js';
import { TenantProblems } from './tenant-problems.js';

/** What the sessions of one page came to. */
export interface PageOutcome {
  completed: number;
  /** Sessions, or problems, that the scan had not met before. */
  fresh: number;
  /** Sessions that are to be read when the page is read again. */
  unread: number;
}

/** How a session of a scan has ended. */
interface Ended {
  rule: ExpiryRule;
  scan: Scan;
  /** When it was asked for; epoch ms of this machine. */
  readAt: number;
}

/** Decides on the sessions of a page, and has those that ended completed. */
@Injectable()
export class PageCompleter {
  private readonly logger = new Logger(PageCompleter.name);

  constructor(
    private readonly config: Config,
    private readonly pages: SessionPages,
    private readonly batches: CompletionBatches,
    private readonly completer: SessionCompleter,
    private readonly pace: CompletionPace,
    private readonly quarantine: Quarantine,
    private readonly problems: TenantProblems,
  ) {}

  /**
   * Completes what ended on a page with messages.
   *
   * @param readAt when the page was asked for; epoch ms of this machine
   * @throws CompletionFailedError
   */
  async complete({ value: found, room }: BudgetedValue<SessionPage>, scan: Scan, readAt: number): Promise<PageOutcome> {
    const problems = this.noteRejected(found, scan);
    const fresh = freshOf(found, scan);
    const ended: ReadSession[] = [];
    const share = Math.ceil(room.bytes / Math.max(1, found.count));
    for (const session of fresh) {
      const rule = this.endedBy(session, scan);
      if (rule) ended.push(this.read(session, { rule, scan, readAt }, room.split(share)));
    }
    room.release();
    const outcome = await this.completeAll(ended, scan);
    return { ...outcome, fresh: fresh.length + problems };
  }

  /**
   * Reads and completes what ended on a light page, one session by one: so a session that needs all of the memory waits
   * for no other of its page.
   *
   * @param mayGoOn asked while the pace makes it wait
   * @throws CompletionFailedError; PlatformError
   */
  async completeOneByOne(
    { value: found, room }: BudgetedValue<SessionPage>,
    scan: Scan,
    mayGoOn: () => Promise<boolean>,
  ): Promise<PageOutcome> {
    room.release();
    const problems = this.noteRejected(found, scan);
    const fresh = freshOf(found, scan);
    const wanted = fresh.filter((session) => this.endedBy(session, scan) !== undefined);
    const portion = wanted.length > 0 ? await this.pace.take(wanted.length, mayGoOn) : 0;
    const outcomes = await Promise.all(wanted.slice(0, portion).map(({ id }) => this.completeOne(id, scan)));
    const sum = (of: 'completed' | 'unread') => outcomes.reduce((total, outcome) => total + outcome[of], 0);
    const completed = sum('completed');
    this.pace.giveBack(portion - completed);
    return { completed, unread: wanted.length - portion + sum('unread'), fresh: fresh.length + problems };
  }

  /** One session that cannot be read stops neither the others nor the scan; the next check asks for it again. */
  private async completeOne(id: string, scan: Scan): Promise<Omit<PageOutcome, 'fresh'>> {
    const readAt = Date.now();
    const read = await this.readOne(id, scan);
    const session = read?.value;
    const rule = session && this.endedBy(session, scan);
    if (!read || !rule) {
      read?.room.release();
      this.quarantine.endReading(id);
      scan.staying.add(id);
      return { completed: 0, unread: 0 };
    }
    return this.completeAll([this.read(session, { rule, scan, readAt }, read.room)], scan);
  }

  private async readOne(id: string, scan: Scan): Promise<BudgetedValue<ChatSession | undefined> | undefined> {
    try {
      return await this.pages.readOne(id, scan);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const reason = error.cause instanceof Error ? error.cause.message : error.message;
      if (error.kind === 'shape') this.reject(id, reason, scan);
      else this.logger.warn({ sessionId: id, tenantId: scan.tenant.id, reason }, 'session.not-read');
      return undefined;
    }
  }

  private async completeAll(ended: readonly ReadSession[], scan: Scan): Promise<Omit<PageOutcome, 'fresh'>> {
    scan.run.figures.found += ended.length;
    if (ended.length === 0) return { completed: 0, unread: 0 };
    const results = await this.batches.complete(ended, scan.run);
    for (const { id } of ended) if (results.get(id) === 'active') scan.staying.add(id);
    const count = (wanted: CompletionResult) => [...results.values()].filter((one) => one === wanted).length;
    return { completed: count('completed'), unread: count('again') };
  }

  /** Serialised right away: the sessions as they were read are not held on to while they wait for their batch. */
  private read(session: ChatSession, { rule, scan, readAt }: Ended, room: Reservation): ReadSession {
    const { tenant, threshold, run } = scan;
    const read = this.completer.read(session, { rule, thresholdSeconds: threshold.seconds, tenant, readAt, run }, room);
    this.quarantine.endReading(session.id);
    return read;
  }

  /** @returns by which rule a session has ended; undefined when it has not, and why it stays on the list is noted */
  private endedBy(session: ChatSession, scan: Scan): ExpiryRule | undefined {
    const { run, threshold } = scan;
    const { liveChatMaxIdleMs } = this.config;
    const decision = decide(session, { now: run.now, threshold, liveChatMaxIdleMs });
    const held = this.quarantine.holds(session.id);
    if (decision.action === 'complete' && !held && !this.isForeign(session, scan)) return decision.rule;
    scan.staying.add(session.id);
    if (decision.action === 'hold') this.hold(session, scan);
    if (decision.action === 'reject') this.reject(session.id, decision.problem, scan);
    return undefined;
  }

  private hold({ id, tenantId }: ChatSession, { tenant, run, held }: Scan): void {
    run.figures.held++;
    if (tenantId === undefined || tenantId === tenant.id) held.ids.add(id);
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
  private noteRejected(found: SessionPage, scan: Scan): number {
    const before = scan.staying.size;
    for (const { id, problem } of found.rejected) {
      if (scan.staying.has(id ?? problem)) continue;
      scan.staying.add(id ?? problem);
      if (id !== undefined) this.reject(id, problem, scan);
      else {
        scan.run.figures.malformed++;
        this.problems.note(scan.tenant.id, problem, scan.run.now);
      }
    }
    return scan.staying.size - before;
  }

  private reject(id: string, problem: string, { tenant, run }: Scan): void {
    run.figures.malformed++;
    this.quarantine.add(id, tenant.id, problem);
  }
}

/**
 * The sessions of a page that the scan has not met before, each once: hbf-core may list one for each of its live chats. In
 * one batch the second would be taken for a session that somebody else is at work on, and neither be completed.
 */
function freshOf({ items }: SessionPage, { staying }: Scan): ChatSession[] {
  const once = new Map(items.map((session) => [session.id, session]));
  return [...once.values()].filter(({ id }) => !staying.has(id));
}
