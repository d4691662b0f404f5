import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { SessionPage } from '../platform/core/core.client.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { mayBeSmaller, PageSize } from '../platform/page-size.js';
import { isNoRoom, PlatformError } from '../platform/platform-error.js';
import { platformError } from '../platform/platform-failure.js';
import type { Reservation } from '../platform/reservation.js';
import { type BudgetedValue, reservedInTime, readWith } from '../platform/within-budget.js';
import type { Scan } from './check-run.js';
import { ENDS_THE_PROCESS, Quarantine } from './quarantine.js';
import { SessionLists } from './session-lists.js';

/** A page took too long, or found no room in memory; the next check asks for half as many sessions. */
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

/** What errors name. */
const REQUEST = { service: 'hbf-core', route: '/chat-sessions' } as const;
/** What a session takes in memory before the first is known, in bytes. */
const FIRST_GUESS = 64 * 1024;
/** What a session without its messages takes, in bytes, before its list is read. */
const LIGHT_BYTES = 8 * 1024;
/** The mean is over about this many pages. */
const MEAN_OVER = 16;
/** A page is planned to take at most this part of the memory budget. */
const PART_OF_BUDGET = 8;
/** Milliseconds that a page, or a session beside others, waits for room in memory. */
const WAIT_FOR_ROOM_MS = 60_000;
/** The same of a session that needs all of it: others of its kind may be before it, each for ten seconds and more. */
const WAIT_FOR_ALL_MS = 300_000;

/** Reads the pages of tenants' lists within the memory budget, and remembers how each tenant's are best read. */
@Injectable()
export class SessionPages {
  private readonly logger = new Logger(SessionPages.name);
  /** Of tenants whose pages were too long or too slow: of those with messages, and of light ones. */
  private readonly sizes = { whole: new Map<string, PageSize>(), light: new Map<string, PageSize>() };
  /** Tenants with sessions that stay on their list, because a live chat is open, for instance. */
  private readonly withStaying = new Set<string>();
  /** How many were on the longest page that was the last, as it had said. */
  private proven = 0;
  /** Bytes that one session takes while it is read, parsed and serialised: a running mean. */
  private meanBytes = FIRST_GUESS;

  constructor(
    private readonly config: Config,
    private readonly lists: SessionLists,
    private readonly budget: MemoryBudget,
    private readonly quarantine: Quarantine,
  ) {}

  /** How many sessions to ask for on a page. */
  sizeFor({ tenant, light }: Scan): number {
    const sizes = this.sizesOf(light);
    const size = sizes.get(tenant.id);
    const affordable = Math.max(1, Math.floor(this.budget.limit / PART_OF_BUDGET / this.meanBytes));
    const most = light ? this.config.sessionPageSize : Math.min(this.config.sessionPageSize, affordable);
    if (!size) return most;
    const current = size.current(performance.now());
    if (size.isFull) sizes.delete(tenant.id);
    return Math.min(most, current);
  }

  /** Whether the tenant's latest scan left sessions on its list: they are not to be read whole again and again. */
  hasStaying(tenantId: string): boolean {
    return this.withStaying.has(tenantId);
  }

  noteStaying(tenantId: string, some: boolean): void {
    if (some) this.withStaying.add(tenantId);
    else this.withStaying.delete(tenantId);
  }

  /** A page of so many, which said that it was the last, was the last: the next one brought nothing. */
  noteProven(count: number): void {
    this.proven = Math.max(this.proven, count);
  }

  /**
   * Whether a page that says that it is the last may be believed: one as long was. hbf-core may give fewer on a page than
   * asked for, and tell the number on the page as the total: only a page that is longer than any before can be cut.
   */
  isProven(count: number): boolean {
    return count <= this.proven;
  }

  /**
   * Reads one page: with the messages of the sessions on it, or, of a light scan, without them.
   *
   * @returns undefined when the page was too long: `sizeFor` is smaller now, or the scan is a light one
   * @throws PageTooSlowError; PlatformError
   */
  async read(scan: Scan, { page, pageSize }: PageQuery): Promise<BudgetedValue<SessionPage> | undefined> {
    const { tenant, cutoff, light } = scan;
    const query = { tenantId: tenant.id, lastInteractionBefore: cutoff, page, pageSize, includeMessages: !light };
    try {
      const room = await this.reserve(pageSize * (light ? LIGHT_BYTES : this.meanBytes));
      const read = await readWith(room, () => this.lists.list(query, scan, room));
      if (!light) this.noteSize(read.value);
      return read;
    } catch (error) {
      if (!mayBeSmaller(error)) throw error;
      const shrunk = this.shrink(scan, pageSize);
      const { kind } = error as PlatformError;
      if (kind === 'timeout') throw shrunk ? new PageTooSlowError(error as PlatformError) : error;
      if (!shrunk && light) throw error;
      if (!shrunk) scan.light = true; // one session that is too long by itself: its id is needed
      return undefined;
    }
  }

  /**
   * Reads one session with its messages: beside others, or alone where it does not fit the memory budget beside them.
   *
   * @returns undefined when hbf-core does not know it
   * @throws PlatformError; of kind `shape` when it cannot be read at all
   */
  async readOne(id: string, scan: Scan): Promise<BudgetedValue<ChatSession | undefined>> {
    // a process has ended over it: it is not read again before that is counted
    if (this.quarantine.hasDeaths(id)) return this.readAlone(id, scan);
    try {
      const room = await this.reserve(this.meanBytes);
      return await readWith(room, () => this.lists.read(id, scan, room));
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      return this.readAlone(id, scan);
    }
  }

  /**
   * Noted before it is read: what ends the process twice is not read a third time. But only then: a process that ends while
   * the session waits for its room, which may take a minute, has not ended over it.
   */
  private async readAlone(id: string, scan: Scan): Promise<BudgetedValue<ChatSession | undefined>> {
    if (this.quarantine.endsTheProcess(id, scan.tenant.id)) {
      throw platformError(REQUEST, { kind: 'shape', code: 'ends_the_process', cause: new Error(ENDS_THE_PROCESS) });
    }
    const room = await reservedInTime(this.budget.reserveAlone({ withinMs: WAIT_FOR_ALL_MS }), REQUEST);
    try {
      return await readWith(room, async () => {
        await this.quarantine.beginReading(id, scan.tenant.id);
        return this.lists.read(id, scan, room);
      });
    } catch (error) {
      this.quarantine.endReading(id);
      throw error;
    }
  }

  private reserve(bytes: number): Promise<Reservation> {
    const most = Math.min(bytes, this.budget.limit);
    return reservedInTime(this.budget.reserve(most, { withinMs: WAIT_FOR_ROOM_MS }), REQUEST);
  }

  private noteSize({ count, size }: SessionPage): void {
    if (count === 0 || !size) return;
    this.meanBytes += (size.neededBytes / count - this.meanBytes) / MEAN_OVER;
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
}
