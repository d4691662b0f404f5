import { Logger } from '@nestjs/common';
import type { Page, RejectedItem } from '../page.js';
import { mayBeSmaller, PageSize } from '../page-size.js';
import { isTooMuch } from '../platform-error.js';
import type { Tenant } from './tenant.dto.js';

const PAGE_SIZE = 500;
/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;

export interface TenantList {
  tenants: ReadonlyMap<string, Tenant>;
  /** By id, where one can be read. */
  rejected: ReadonlyMap<string, RejectedItem>;
  /** Monotonic, in milliseconds. */
  askedAt: number;
}

/** Asks hbf-core for one page of a list of tenants; pages count from 0. */
type AskForPage = (page: number, pageSize: number) => Promise<Page<Tenant>>;

/** Reads lists of tenants to their end, and remembers how long their pages may be. */
export class TenantPages {
  private readonly logger = new Logger(TenantPages.name);
  private readonly pageSize = new PageSize(PAGE_SIZE);

  /**
   * All pages, until one brings no tenant that is new: neither the number on a page nor `total` is relied upon. hbf-core
   * may give fewer on a page than asked for, and skip as many as asked for all the same: the pages behind the first are
   * of its length. A page that is too long or too slow is asked for with half as many.
   *
   * @throws PlatformError
   */
  async all(ask: AskForPage): Promise<TenantList> {
    const listed = new Map<string, Tenant>();
    const rejected = new Map<string, RejectedItem>();
    const askedAt = performance.now();
    for (let page = 0, most = PAGE_SIZE; page < MAX_PAGES;) {
      const found = await this.page(ask, page, most);
      if (!found) {
        listed.clear();
        rejected.clear();
        page = 0;
        most = PAGE_SIZE;
        continue;
      }
      if (page === 0) most = Math.max(1, found.count);
      const before = listed.size + rejected.size;
      for (const tenant of found.items) if (!listed.has(tenant.id)) listed.set(tenant.id, tenant);
      for (const item of found.rejected) rejected.set(item.id ?? item.problem, item);
      if (listed.size + rejected.size === before) break;
      page++;
    }
    return { tenants: listed, rejected, askedAt };
  }

  /** @returns undefined when the page size was halved, and the list begins anew */
  private async page(ask: AskForPage, page: number, most: number): Promise<Page<Tenant> | undefined> {
    const size = Math.min(most, this.pageSize.current(performance.now()));
    try {
      return await ask(page, size);
    } catch (error) {
      if (!mayBeSmaller(error)) throw error;
      // where one row takes too long as well hbf-core hangs, and the page is not to blame: its size stays
      if (!isTooMuch(error)) await ask(0, 1);
      if (!this.pageSize.shrink(size, performance.now())) throw error;
      this.logger.warn({ pageSize: size, reason: (error as Error).message }, 'tenants.page-halved');
      return undefined;
    }
  }
}
