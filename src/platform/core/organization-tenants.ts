import { Injectable } from '@nestjs/common';
import { closest } from 'fastest-levenshtein';
import { CoreClient } from './core.client.js';

const PAGE_SIZE = 500;
/** Ends a list that brings something new for ever. */
const MAX_PAGES = 200;
/** Milliseconds for which a list is used. */
const MAX_AGE_MS = 60_000;
/** A tenant that is not on the list may be new: it is listed again, from this age on. */
const MISSED_AGE_MS = 5_000;
const ORGANIZATIONS_KEPT = 1_000;
/** Ids that are compared to find the nearest: a millisecond or two. */
const COMPARED = 5_000;

interface Listed {
  ids: ReadonlySet<string>;
  /** When it was asked for; monotonic, in milliseconds. */
  at: number;
}

/**
 * Which tenants an organization has, as a list of the last minute tells. However many tenants a request names, hbf-core
 * is asked for one list, and for one at a time of each organization.
 */
@Injectable()
export class OrganizationTenants {
  private readonly listed = new Map<string, Listed>();
  private readonly flights = new Map<string, Promise<Listed>>();

  constructor(private readonly core: CoreClient) {}

  /**
   * @returns those of the ids that are no tenants of the organization
   * @throws PlatformError when hbf-core cannot be asked
   */
  async foreignOf(organizationId: string, tenantIds: readonly string[]): Promise<string[]> {
    let listed = await this.atMost(organizationId, MAX_AGE_MS);
    if (tenantIds.some((id) => !listed.ids.has(id))) listed = await this.atMost(organizationId, MISSED_AGE_MS);
    return tenantIds.filter((id) => !listed.ids.has(id));
  }

  /** Of what is listed for the organization now: the id that is most like this one. Undefined where it has no tenants. */
  nearest(organizationId: string, id: string): string | undefined {
    const ids = [...(this.listed.get(organizationId)?.ids ?? [])].slice(0, COMPARED);
    return ids.length === 0 ? undefined : closest(id, ids);
  }

  private async atMost(organizationId: string, ageMs: number): Promise<Listed> {
    const known = this.listed.get(organizationId);
    if (known && performance.now() - known.at < ageMs) return known;
    let flight = this.flights.get(organizationId);
    if (!flight) {
      flight = this.list(organizationId).finally(() => this.flights.delete(organizationId));
      this.flights.set(organizationId, flight);
    }
    return flight;
  }

  private async list(organizationId: string): Promise<Listed> {
    const at = performance.now();
    const ids = new Set<string>();
    for (let page = 0, size = PAGE_SIZE; page < MAX_PAGES; page++) {
      const before = ids.size;
      const { items, count } = await this.core.listTenantIds(organizationId, page, size);
      for (const id of items) ids.add(id);
      if (ids.size === before) break; // neither the number on a page nor `total` is relied upon
      if (page === 0) size = count; // it may give fewer than asked for, and skip as many: as TenantDirectory
    }
    const listed = { ids, at };
    this.listed.delete(organizationId); // a Map keeps the order of insertion: set anew, it is the newest
    this.listed.set(organizationId, listed);
    if (this.listed.size > ORGANIZATIONS_KEPT) this.listed.delete(this.listed.keys().next().value!);
    return listed;
  }
}
