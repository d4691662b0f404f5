import { ConflictException, Injectable, ServiceUnavailableException } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { IntegrationCounts } from '../integrations/integration-counts.js';
import type { IntegrationSettings } from '../integrations/integration.repository.js';
import { JobLease } from '../persistence/job-lease.js';

/** How long one write may hold the others of its organization up, also when its process ends in the middle. */
const LEASE_MS = 10_000;
/** A write that begins later than this after its lease was taken is refused: it could end after the lease. */
const WRITES_WITHIN_MS = 5_000;
const WAIT_MS = 5_000;
const ASK_AGAIN_MS = 50;

type Settings = Pick<IntegrationSettings, 'enabled' | 'tenants'>;

/**
 * Limits how many enabled integrations an organization has, and how many of them name one tenant. Writes that may add
 * are made one at a time for each organization: in this process by a queue, among replicas by a lease in the database.
 * So concurrent writes do not exceed a limit, unless a process stands still for over five seconds between its count and
 * its write, or a failover of MongoDB loses the lease; each such case can exceed it by one. What disables or deletes
 * takes no lease, as it only makes a count smaller.
 */
@Injectable()
export class IntegrationLimits {
  /** The end of the last write that waits, for each organization with one under way; never rejects. */
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(
    private readonly config: Config,
    private readonly counts: IntegrationCounts,
    private readonly lease: JobLease,
  ) {}

  /**
   * Makes a write if the organization stays within its limits, or if the write adds nothing to what is counted.
   *
   * @param wanted what `write` stores
   * @param present reads what is stored now; undefined for a new integration
   * @throws ConflictException naming the limit, the tenant and the variable
   * @throws ServiceUnavailableException when another replica's writes take too long
   */
  async around<T>(
    organizationId: string,
    wanted: Settings,
    present: () => Promise<Settings | undefined>,
    write: () => Promise<T>,
  ): Promise<T> {
    if (!wanted.enabled) return write();
    const check = async () => this.check(organizationId, wanted, await present());
    return this.queued(organizationId, () => this.leased(`integrations:${organizationId}`, check, write));
  }

  private async check(organizationId: string, wanted: Settings, present: Settings | undefined): Promise<void> {
    const { maxIntegrationsPerTenant: perTenant, maxIntegrationsPerOrganization: perOrganization } = this.config;
    const counted = present?.enabled ? present.tenants : undefined;
    if (!counted && (await this.counts.enabledIn(organizationId, perOrganization)) >= perOrganization)
      throw new ConflictException(
        `an organization may have at most ${perOrganization} enabled integrations (INTEGRATIONS_MAX_PER_ORGANIZATION), and this one has them`,
      );
    const added = wanted.tenants.filter((id) => !counted?.includes(id));
    const full = await this.counts.tenantNamedBy(perTenant, organizationId, added);
    if (full !== undefined)
      throw new ConflictException(
        `at most ${perTenant} enabled integrations may name one tenant (INTEGRATIONS_MAX_PER_TENANT), and tenant ${full} has them`,
      );
  }

  private async queued<T>(organizationId: string, work: () => Promise<T>): Promise<T> {
    const before = this.queues.get(organizationId) ?? Promise.resolve();
    const result = before.then(work);
    const end = result.catch(() => undefined);
    this.queues.set(organizationId, end);
    try {
      return await result;
    } finally {
      if (this.queues.get(organizationId) === end) this.queues.delete(organizationId);
    }
  }

  private async leased<T>(name: string, check: () => Promise<void>, write: () => Promise<T>): Promise<T> {
    const heldFrom = await this.take(name);
    try {
      await check();
      if (performance.now() - heldFrom > WRITES_WITHIN_MS) throw busy();
      return await write();
    } finally {
      await this.lease.release(name).catch(() => undefined); // it passes by itself
    }
  }

  /** @returns when the lease was asked for that was taken; monotonic, in milliseconds */
  private async take(name: string): Promise<number> {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const now = performance.now();
      if (await this.lease.take(name, LEASE_MS)) return now;
      if (now >= until) throw busy();
      await delay(ASK_AGAIN_MS);
    }
  }
}

function busy(): ServiceUnavailableException {
  return new ServiceUnavailableException('other changes of this organization take too long; try again later');
}
