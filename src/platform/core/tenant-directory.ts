import { Injectable, Logger } from '@nestjs/common';
import type { RejectedItem } from '../page.js';
import { PlatformError } from '../platform-error.js';
import { CoreClient, type TenantParts } from './core.client.js';
import { type TenantList, TenantPages } from './tenant-pages.js';
import type { Tenant } from './tenant.dto.js';

const ROUTE = '/tenants';
/** Milliseconds for which an attempt may go by a list. */
const MAX_AGE_MS = 60_000;
/** While attempts run the tenants are listed again in the background from this age on. */
const LIST_AGAIN_MS = 30_000;
/** Settings and plugins, which make a list long, are listed again after this time. */
const WHOLE_AGE_MS = 600_000;
/** What a list has failed of is told to all who ask within this time. */
const FAILED_MS = 5_000;

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
  private readonly pages = new TenantPages();
  /** Apart from those of all: an organization whose pages are too long makes only such lists shorter. */
  private readonly pagesOfOne = new TenantPages();
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

  /**
   * An organization's tenants as hbf-core lists them now, with settings. It is asked for these alone; what `present` goes
   * by stays as it is.
   *
   * @throws PlatformError when hbf-core does not answer
   */
  async listOf(organizationId: string): Promise<Tenant[]> {
    const { tenants } = await this.pagesOfOne.all((page, size) => this.core.listTenantsOf(organizationId, page, size));
    return [...tenants.values()].map((tenant) => this.withKnown(tenant));
  }

  /**
   * An organization's tenants, by the lists that are in memory.
   *
   * @returns undefined where no list with settings of the last minute is there
   */
  recentOf(organizationId: string): Tenant[] | undefined {
    if (performance.now() - this.wholeAt >= MAX_AGE_MS) return undefined;
    return [...this.tenants.values()].filter((tenant) => tenant.organizationId === organizationId);
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

  private listAll(parts: TenantParts): Promise<TenantList> {
    return this.pages.all((page, pageSize) => this.core.listTenants(page, pageSize, parts));
  }

  /** Where its settings cannot be read, the threshold that was known last. */
  private withKnown(tenant: Tenant): Tenant {
    if (!tenant.unreadable?.settings) return tenant;
    return { ...tenant, expireAfterSeconds: this.tenants.get(tenant.id)?.expireAfterSeconds };
  }
}
