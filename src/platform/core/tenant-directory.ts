import { Injectable, Logger } from '@nestjs/common';
import { type Page, type RejectedItem } from '../page.js';
import { mayBeSmaller, PageSize } from '../page-size.js';
import { isTooMuch } from '../platform-error.js';
import { CoreClient } from './core.client.js';
import type { Tenant } from './tenant.dto.js';

const PAGE_SIZE = 500;
/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;
/** Milliseconds for which a list of tenants is used; after that, hbf-core is asked for the single tenant. */
const FRESH_MS = 600_000;

/** All tenants as last listed, for the session check and for retries, which need the tenant of their session. */
@Injectable()
export class TenantDirectory {
  private readonly logger = new Logger(TenantDirectory.name);
  private tenants = new Map<string, Tenant>();
  private listedAt = 0;
  private readonly pageSize = new PageSize(PAGE_SIZE);
  /** Tenants of the latest list that could not be read. */
  rejected: readonly RejectedItem[] = [];

  constructor(private readonly core: CoreClient) {}

  /**
   * Lists all tenants again, until a page brings none that is new: neither the number on a page nor `total` is relied
   * upon. hbf-core may give fewer on a page than asked for, and skip as many as asked for all the same: the pages behind
   * the first are of its length. A page that is too long or too slow is asked for with half as many. A tenant that
   * cannot be read at all is left out and named in `rejected`.
   *
   * @throws PlatformError when hbf-core does not answer; the tenants known before stay known
   */
  async refresh(): Promise<Tenant[]> {
    const listed = new Map<string, Tenant>();
    const rejected = new Map<string, RejectedItem>();
    for (let page = 0, most = PAGE_SIZE; page < MAX_PAGES;) {
      const found = await this.page(page, most);
      if (!found) {
        listed.clear();
        rejected.clear();
        page = 0;
        most = PAGE_SIZE;
        continue;
      }
      if (page === 0) most = Math.max(1, found.count);
      const before = listed.size + rejected.size;
      for (const tenant of found.items) if (!listed.has(tenant.id)) listed.set(tenant.id, this.withKnown(tenant));
      for (const item of found.rejected) rejected.set(item.id ?? item.problem, item);
      if (listed.size + rejected.size === before) break;
      page++;
    }
    this.tenants = listed;
    this.rejected = [...rejected.values()];
    this.listedAt = Date.now();
    return [...listed.values()];
  }

  /** @returns undefined when the organization has no such tenant */
  async find(organizationId: string, tenantId: string): Promise<Tenant | undefined> {
    const known = Date.now() - this.listedAt < FRESH_MS ? this.tenants.get(tenantId) : undefined;
    return known?.organizationId === organizationId ? known : this.core.getFullTenant(organizationId, tenantId);
  }

  /** @returns undefined when the page size was halved, and the list begins anew */
  private async page(page: number, most: number): Promise<Page<Tenant> | undefined> {
    const size = Math.min(most, this.pageSize.current(performance.now()));
    try {
      return await this.core.listTenants(page, size);
    } catch (error) {
      if (!mayBeSmaller(error)) throw error;
      // where one row takes too long as well hbf-core hangs, and the page is not to blame: its size stays
      if (!isTooMuch(error)) await this.core.listTenants(0, 1);
      if (!this.pageSize.shrink(size, performance.now())) throw error;
      this.logger.warn({ pageSize: size, reason: (error as Error).message }, 'tenants.page-halved');
      return undefined;
    }
  }

  /** Where its settings cannot be read, the threshold that was known last. */
  private withKnown(tenant: Tenant): Tenant {
    if (!tenant.unreadable?.settings) return tenant;
    return { ...tenant, expireAfterSeconds: this.tenants.get(tenant.id)?.expireAfterSeconds };
  }
}
