import { Injectable } from '@nestjs/common';
import { ExpiringMap } from '../expiring-map.js';
import { TenantDirectory } from './tenant-directory.js';
import type { Tenant } from './tenant.dto.js';

/** Milliseconds for which a list is used. */
const MAX_AGE_MS = 60_000;
const ORGANIZATIONS_KEPT = 200;

/** What is kept of a tenant here. */
export type RecentTenant = Pick<Tenant, 'id' | 'expireAfterSeconds' | 'unreadable'> & { displayName?: string };

/**
 * An organization's tenants and their thresholds as of the last minute, for people who look at them. Where the session
 * check has listed all tenants within that time, hbf-core is not asked; else it is asked for those of the organization,
 * once for all who ask within a minute.
 */
@Injectable()
export class RecentTenants {
  private readonly lists = new ExpiringMap<Promise<RecentTenant[]>>(MAX_AGE_MS, ORGANIZATIONS_KEPT);

  constructor(private readonly directory: TenantDirectory) {}

  /**
   * @returns in the order in which hbf-core lists them
   * @throws PlatformError when hbf-core cannot be asked
   */
  async of(organizationId: string): Promise<RecentTenant[]> {
    const recent = this.directory.recentOf(organizationId);
    if (recent) return recent.map(recentTenant);
    return this.lists.get(organizationId, performance.now()) ?? this.list(organizationId);
  }

  private list(organizationId: string): Promise<RecentTenant[]> {
    const tenants = this.directory.listOf(organizationId).then((found) => found.map(recentTenant));
    this.lists.set(organizationId, tenants, performance.now());
    // one that fails is asked for again by the next who wants it
    tenants.catch(() => this.lists.delete(organizationId));
    return tenants;
  }
}

function recentTenant({ id, expireAfterSeconds, unreadable, publicFields: { displayName } }: Tenant): RecentTenant {
  return { id, expireAfterSeconds, unreadable, ...(typeof displayName === 'string' && { displayName }) };
}
