import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { SessionPage } from '../platform/core/core.client.js';
import { mayBeSmaller, PageSize } from '../platform/page-size.js';
import { PlatformError } from '../platform/platform-error.js';
import { SessionLists } from './session-lists.js';
import type { Scan } from './check-run.js';

/** A page took too long; the next check asks for half as many sessions. */
export class PageTooSlowError extends Error {
  constructor(override readonly cause: PlatformError) {
    super(cause.message, { cause });
    this.name = 'PageTooSlowError';
  }
}

/** Which page is asked for. */
export interface PageQuery {
  /** From 0. */
  page: number;
  pageSize: number;
}

/** A page as it was read. */
export interface PageRead extends SessionPage {
  /** Ids of sessions on a light list that could not be read now. */
  gone: string[];
  /** How many sessions of a light list are to be read when the page is read again. */
  unread: number;
}

/** Which sessions of a light list are read. */
export interface LightReading {
  /** Whether a session, as it came without messages, is to be read whole. */
  isWanted: (session: ChatSession) => boolean;
  /** Waits until some of so many sessions may be read. @returns how many */
  take: (wanted: number) => Promise<number>;
}

/** Reads the pages of tenants' lists, and remembers of each tenant how its pages are best read. */
@Injectable()
export class SessionPages {
  private readonly logger = new Logger(SessionPages.name);
  /** Of tenants whose pages were too long or too slow: of those with messages, and of light ones. */
  private readonly sizes = { whole: new Map<string, PageSize>(), light: new Map<string, PageSize>() };
  /** Tenants with sessions that stay on their list, because a live chat is open, for instance. */
  private readonly withStaying = new Set<string>();

  constructor(
    private readonly config: Config,
    private readonly lists: SessionLists,
  ) {}

  /** How many sessions to ask for on a page. */
  sizeFor({ tenant, light }: Scan): number {
    const sizes = this.sizesOf(light);
    const size = sizes.get(tenant.id);
    if (!size) return this.config.sessionPageSize;
    const current = size.current(performance.now());
    if (size.isFull) sizes.delete(tenant.id);
    return current;
  }

  /** Whether the tenant's latest scan left sessions on its list: they are not to be read whole again and again. */
  hasStaying(tenantId: string): boolean {
    return this.withStaying.has(tenantId);
  }

  noteStaying(tenantId: string, some: boolean): void {
    if (some) this.withStaying.add(tenantId);
    else this.withStaying.delete(tenantId);
  }

  /**
   * Reads one page with the messages of the sessions on it; of a light scan, without them, and then those that are wanted
   * one by one: these come after the others of the page, and those that may not be read yet are not among its items.
   *
   * @returns undefined when the page was too long: `sizeFor` is smaller now, or the scan is a light one
   * @throws PageTooSlowError; PlatformError
   */
  async read(scan: Scan, query: PageQuery, light: LightReading): Promise<PageRead | undefined> {
    const { tenant, cutoff } = scan;
    const scope = { tenantId: tenant.id, lastInteractionBefore: cutoff, ...query };
    try {
      const found = await this.lists.list({ ...scope, includeMessages: !scan.light }, scan);
      return scan.light ? await this.readWanted(found, scan, light) : { ...found, gone: [], unread: 0 };
    } catch (error) {
      if (!mayBeSmaller(error)) throw error;
      const shrunk = this.shrink(scan, query.pageSize);
      const { kind } = error as PlatformError;
      if (kind === 'timeout') throw shrunk ? new PageTooSlowError(error as PlatformError) : error;
      if (!shrunk && scan.light) throw error;
      if (!shrunk) scan.light = true; // one session that is too long by itself: its id is needed
      return undefined;
    }
  }

  private shrink({ tenant, light }: Scan, asked: number): boolean {
    const sizes = this.sizesOf(light);
    const size = sizes.get(tenant.id) ?? new PageSize(this.config.sessionPageSize);
    const shrunk = size.shrink(asked, performance.now());
    if (shrunk) this.logger.warn({ tenantId: tenant.id, pageSize: asked }, 'session-check.page-halved');
    sizes.set(tenant.id, size);
    return shrunk;
  }

  private sizesOf(light: boolean): Map<string, PageSize> {
    return light ? this.sizes.light : this.sizes.whole;
  }

  private async readWanted(listed: SessionPage, scan: Scan, { isWanted, take }: LightReading): Promise<PageRead> {
    const wanted = listed.items.filter(isWanted);
    const portion = wanted.length > 0 ? await take(wanted.length) : 0;
    const read: PageRead = {
      ...listed,
      items: [],
      rejected: [...listed.rejected],
      gone: [],
      unread: wanted.length - portion,
    };
    read.items.push(...listed.items.filter((session) => !isWanted(session)));
    await Promise.all(wanted.slice(0, portion).map((session) => this.readOne(session, scan, read)));
    return read;
  }

  /** One session that cannot be read stops neither the others nor the scan; the next check asks for it again. */
  private async readOne({ id }: ChatSession, scan: Scan, read: PageRead): Promise<void> {
    try {
      const session = await this.lists.read(id, scan);
      if (session) read.items.push(session);
      else read.gone.push(id);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const problem = error.cause instanceof Error ? error.cause.message : error.message;
      if (error.kind === 'shape') read.rejected.push({ id, problem });
      else {
        read.gone.push(id);
        this.logger.warn({ sessionId: id, tenantId: scan.tenant.id, reason: error.message }, 'session.not-read');
      }
    }
  }
}
