import { Injectable, Logger } from '@nestjs/common';
import { CoreClient } from './core.client.js';
import type { Tenant } from './tenant.dto.js';

const PAGE_SIZE = 500;
/** Milliseconds for which a list of tenants is used; after that, hbf-core is asked for the single tenant. */
const FRESH_MS = 600_000;

/** All tenants as last listed, for the session check and for retries, which need the tenant of their session. */
@Injectable()
export class TenantDirectory {
  private readonly logger = new Logger(TenantDirectory.name);
  private tenants = new Map<string, Tenant>();
  private listedAt = 0;
  private readonly complainedOf = new Set<string>();

  constructor(private readonly core: CoreClient) {}

  /**
   * Lists all tenants again. A tenant that cannot be read is left out and logged once.
   *
   * @throws PlatformError when hbf-core does not answer; the tenants known before stay known
   */
  async refresh(): Promise<Tenant[]> {
    const listed = new Map<string, Tenant>();
    for (let page = 0, seen = 0; ; page++) {
      const { items, rejected, count, total } = await this.core.listTenants(page, PAGE_SIZE);
      for (const tenant of items) listed.set(tenant.id, tenant);
      for (const { id, problem } of rejected) this.complain(id, problem);
      seen += count;
      // hbf-core may give fewer a page than were asked for: only `total`, or an empty page, says that it was the last
      if (count === 0 || (total !== undefined && seen >= total)) break;
    }
    this.tenants = listed;
    this.listedAt = Date.now();
    return [...listed.values()];
  }

  /** @returns undefined when the organization has no such tenant */
  async find(organizationId: string, tenantId: string): Promise<Tenant | undefined> {
    const known = Date.now() - this.listedAt < FRESH_MS ? this.tenants.get(tenantId) : undefined;
    return known?.organizationId === organizationId ? known : this.core.getFullTenant(organizationId, tenantId);
  }

  private complain(id: string | undefined, problem: string): void {
    if (this.complainedOf.has(id ?? problem)) return;
    this.complainedOf.add(id ?? problem);
    this.logger.warn({ tenantId: id, problem }, 'tenant.rejected');
  }
}
