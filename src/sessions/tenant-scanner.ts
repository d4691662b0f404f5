import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { SessionPage } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { Backpressure } from './backpressure.js';
import type { CheckRun, Scan } from './check-run.js';
import { CompletionBatches } from './completion-batches.js';
import { CompletionPace } from './completion-pace.js';
import { thresholdOf } from './expiry-policy.js';
import { HeldSessions } from './held-sessions.js';
import { PageCompleter } from './page-completer.js';
import { Quarantine } from './quarantine.js';
import { type PageQuery, SessionPages } from './session-pages.js';

/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;

/** A page that was read, and its sessions decided on. */
interface PageEnd {
  found: SessionPage;
  completed: number;
  /** `total`, or its length, says that it is the last. */
  saysLast: boolean;
  /** The scan ends with it. */
  last: boolean;
  /** Else the same page is read again. */
  next: boolean;
}

/** Reads a tenant's expired sessions, page by page, and has them completed. */
@Injectable()
export class TenantScanner {
  private readonly logger = new Logger(TenantScanner.name);
  private stopping = false;

  constructor(
    private readonly config: Config,
    private readonly pages: SessionPages,
    private readonly completer: PageCompleter,
    private readonly batches: CompletionBatches,
    private readonly pace: CompletionPace,
    private readonly quarantine: Quarantine,
    private readonly pressure: Backpressure,
    private readonly held: HeldSessions,
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
   * Where something stays, the list is read until a page brings nothing new; unless pages as long, which
   * said that they were the last, were the last. hbf-core may give fewer on a page than asked for, and skip as many as
   * asked for all the same: after a first page that is short, the pages behind it are of its length.
   *
   * @param light whether to list without messages first; else that is done where a session stays on the list
   * @throws PlatformError or PageTooSlowError when the tenant's list fails; CompletionFailedError
   */
  async scan(tenant: Tenant, run: CheckRun, leftPool: () => void, light = false): Promise<void> {
    const threshold = thresholdOf(tenant, this.config.defaultThresholdSeconds);
    const cutoff = new Date(run.now - threshold.seconds * 1000);
    const asLight = light || this.readsOneByOne(tenant);
    const known = { staying: new Set<string>(), held: this.held.begin() };
    const scan: Scan = { tenant, threshold, cutoff, run, leftPool, light: asLight, ...known };
    for (let page = 0, lastSize = 0, most = Infinity, before = 0, reads = 0; reads < MAX_PAGES; reads++) {
      await this.batches.room();
      if (!(await this.mayGoOn(scan))) return;
      const pageSize = Math.min(most, this.pages.sizeFor(scan));
      if (pageSize !== lastSize) page = 0; // pages of another size: what stays is passed over
      lastSize = pageSize;
      const ended = await this.readPage(scan, { page, pageSize });
      if (!ended) continue;
      if (ended.last) return this.end(scan, ended, before);
      before = ended.saysLast ? ended.found.count : 0;
      if (!ended.next) continue;
      if (page === 0) lastSize = most = Math.min(pageSize, ended.found.count);
      page++;
    }
    this.logger.warn({ tenantId: tenant.id, pages: MAX_PAGES }, 'session-check.list-endless');
  }

  /** @returns whether the scan has ended with it, or goes on with the next page; undefined: with the same one */
  private async readPage(scan: Scan, query: PageQuery): Promise<PageEnd | undefined> {
    const readAt = Date.now();
    const read = await this.pages.read(scan, query);
    if (!read) return undefined;
    scan.run.guard.listed(scan.tenant.id);
    const { value: found } = read;
    const { completed, fresh, unread } = scan.light
      ? await this.completer.completeOneByOne(read, scan, () => this.mayGoOn(scan))
      : await this.completer.complete(read, scan, readAt);
    const saysLast = isLast(found, query);
    if (completed === found.count) return { found, completed, saysLast, last: saysLast, next: false };
    if (unread > 0) return undefined;
    const believed = saysLast && this.pages.isProven(found.count);
    // after pages of another size, the first ones bring only what is known to stay
    const nothingNew = fresh === 0 && (query.page + 1) * query.pageSize > scan.staying.size;
    return { found, completed, saysLast, last: nothingNew || believed, next: completed === 0 };
  }

  private readsOneByOne({ id }: Tenant): boolean {
    return this.pace.limited || this.pages.hasStaying(id) || this.quarantine.knowsSomeOf(id);
  }

  private async mayGoOn({ run, tenant }: Scan): Promise<boolean> {
    const { figures } = run;
    if (this.stopping || run.guard.away || figures.paused || run.suspect.has(tenant.id)) return false;
    if (this.pace.isOver(run.deadline)) {
      run.defer(tenant.id);
      return false;
    }
    figures.paused = await this.pressure.tooHigh(figures.completed);
    return !figures.paused;
  }

  /** @param before how many were on the page before, where that said that it was the last */
  private end({ tenant, run, staying, held }: Scan, { found, completed }: PageEnd, before: number): void {
    const { total, count } = found;
    this.pages.noteStaying(tenant.id, staying.size > 0);
    if (count === 0 && before > 0) this.pages.noteProven(before);
    const listed = staying.size + completed; // what the page's total still counted
    const whole = total === undefined || total <= listed;
    this.held.end(tenant.id, held, whole);
    if (whole) return;
    run.figures.listsShort++;
    this.logger.warn({ tenantId: tenant.id, total, listed }, 'session-check.list-short');
  }
}

/** `total` decides where hbf-core tells it; it may give fewer on a page than were asked for. */
function isLast(found: SessionPage, { page, pageSize }: PageQuery): boolean {
  if (found.count === 0) return true;
  return found.total === undefined ? found.count < pageSize : page * pageSize + found.count >= found.total;
}
