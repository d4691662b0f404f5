import { Injectable, Logger } from '@nestjs/common';
import { type Page, type RejectedItem } from '../page.js';
import { mayBeSmaller, PageSize } from '../page-size.js';
import { isTooMuch, PlatformError } from '../platform-error.js';
import { CoreClient, type TenantParts } from './core.client.js';
import type { Tenant } from './tenant.dto.js';

const ROUTE = '/tenants';
const PAGE_SIZE = 500;
/** Ends a list that brings something new for ever. */
const MAX_PAGES = 10_000;
/** Milliseconds for which an attempt may go by a list. */
const MAX_AGE_MS = 60_000;
/** While attempts run the tenants are listed again in the background from this age on. */
const LIST_AGAIN_MS = 30_000;
/** Settings and plugins, which make a list long, are listed again after this time. */
const WHOLE_AGE_MS = 600_000;
/** What a list has failed of is told to all who ask within this time. */
const FAILED_MS = 5_000;

interface PageOfTenants {
  /** From 0. */
  page: number;
  /** How many to ask for at most. */
  most: number;
  parts: TenantParts;
}

interface TenantList {
  tenants: ReadonlyMap<string, Tenant>;
  /** By id, where one can be read. */
  rejected: ReadonlyMap<string, RejectedItem>;
  /** Monotonic, in milliseconds. */
  askedAt: number;
}

/**
 * All tenants as last listed, for the session check and for attempts, which go by lists that are at most a minute old:
 * hbf-core is never asked for a single tenant. One list is read at a time, and none while nobody asks.
 */
@Injectable()
export class TenantDirectory {
  private readonly logger = new Logger(TenantDirectory.name);
  private tenants = new Map<string, Tenant>();
  /** When the latest list, and the latest one with settings and plugins, was asked for; monotonic, in milliseconds. */
  private listedAt = -Infinity;
  private wholeAt = -Infinity;
  private failure?: { error: unknown; at: number };
  private wholeFlight?: Promise<Tenant[]>;
  private briefFlight?: Promise<void>;
  /** Ids that the latest list has, of which nothing else can be read. */
  private unreadable: ReadonlySet<string> = new Set();
  private readonly pageSize = new PageSize(PAGE_SIZE);
  /** Tenants of the latest list that could not be read. */
  rejected: readonly RejectedItem[] = [];

  constructor(private readonly core: CoreClient) {}

  /**
   * Lists all tenants again. A tenant that cannot be read at all is left out and named in `rejected`.
   *
   * @throws PlatformError when hbf-core does not answer; the tenants known before stay known
   */
  async refresh(): Promise<Tenant[]> {
    while (this.briefFlight) await this.briefFlight.catch(() => undefined); // one list at a time
    this.wholeFlight ??= this.listWhole().finally(() => (this.wholeFlight = undefined));
    return this.wholeFlight;
  }

  /**
   * The tenant as a list of the last minute has it, its organization above all. It lists again where there is none.
   *
   * @returns undefined when that list does not have it
   * @throws PlatformError when hbf-core does not answer, or the tenant cannot be read: then nothing is known of it
   */
  async present(tenantId: string): Promise<Tenant | undefined> {
    if (this.age >= LIST_AGAIN_MS) {
      const listed = this.listAgain();
      if (this.age >= MAX_AGE_MS) await listed;
      else listed.catch((error: Error) => this.logger.debug({ reason: error.message }, 'tenants.not-listed'));
    }
    if (!this.unreadable.has(tenantId)) return this.tenants.get(tenantId);
    throw new PlatformError({ service: 'hbf-core', route: ROUTE, kind: 'shape', code: 'unreadable_tenant' });
  }

  /** As present. @returns undefined also when the tenant is another organization's */
  async find(organizationId: string, tenantId: string): Promise<Tenant | undefined> {
    const tenant = await this.present(tenantId);
    return tenant?.organizationId === organizationId ? tenant : undefined;
  }

  private get age(): number {
    return performance.now() - this.listedAt;
  }

  /** Joins the list that is being read. */
  private async listAgain(): Promise<void> {
    const now = performance.now();
    if (this.failure && now - this.failure.at < FAILED_MS) throw this.failure.error;
    try {
      if (this.wholeFlight || now - this.wholeAt >= WHOLE_AGE_MS) await this.refresh();
      else await (this.briefFlight ??= this.listBrief().finally(() => (this.briefFlight = undefined)));
      this.failure = undefined;
    } catch (error) {
      this.failure = { error, at: performance.now() };
      throw error;
    }
  }

  private async listWhole(): Promise<Tenant[]> {
    const list = await this.listAll('whole');
    const tenants = [...list.tenants.values()].map((tenant) => this.withKnown(tenant));
    this.take(list, tenants);
    this.wholeAt = list.askedAt;
    this.rejected = [...list.rejected.values()];
    return tenants;
  }

  /** Without settings and plugins: those stay as they were, and are listed for a tenant that is new. */
  private async listBrief(): Promise<void> {
    const list = await this.listAll('brief');
    const tenants: Tenant[] = [];
    for (const [id, { organizationId, disabled, publicFields }] of list.tenants) {
      const known = this.tenants.get(id);
      if (!known) return void (await this.listWhole());
      tenants.push({ ...known, organizationId, disabled, publicFields });
    }
    this.take(list, tenants);
  }

  private take({ askedAt, rejected }: TenantList, tenants: readonly Tenant[]): void {
    this.tenants = new Map(tenants.map((tenant) => [tenant.id, tenant]));
    this.unreadable = new Set([...rejected.keys()].filter((id) => !this.tenants.has(id)));
    this.listedAt = askedAt;
  }

  /**
   * All pages, until one brings no tenant that is new: neither the number on a page nor `total` is relied upon. hbf-core
   * may give fewer on a page than asked for, and skip as many as asked for all the same: the pages behind the first are
   * of its length. A page that is too long or too slow is asked for with half as many.
   */
  private async listAll(parts: TenantParts): Promise<TenantList> {
    const listed = new Map<string, Tenant>();
    const rejected = new Map<string, RejectedItem>();
    const askedAt = performance.now();
    for (let page = 0, most = PAGE_SIZE; page < MAX_PAGES;) {
      const found = await this.page({ page, most, parts });
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
  private async page({ page, most, parts }: PageOfTenants): Promise<Page<Tenant> | undefined> {
    const size = Math.min(most, this.pageSize.current(performance.now()));
    try {
      return await this.core.listTenants(page, size, parts);
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
