import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { JobLease } from '../persistence/job-lease.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import { type Excess, excessOf } from './cap-rules.js';
import { CappedTenantRepository } from './capped-tenant.repository.js';

const LEASE = 'usage-caps';
const LEASE_MS = 60_000;

interface OverCap {
  tenant: Tenant;
  excess: Excess;
}

/**
 * Switches off, in hbf-core, tenants that have used more than their limits allow; off unless
 * TENANT_USAGE_CAPS_ENABLED. Each is switched off once: when an operator switches it on again, it stays on until it has
 * been within its limits and exceeds them again. hbf-core's answer is not documented: an answer of an unknown shape
 * changes nothing and is logged once.
 */
@Injectable()
export class UsageCaps {
  private readonly logger = new Logger(UsageCaps.name);
  private readonly complainedOf = new Set<string>();

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly lease: JobLease,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly capped: CappedTenantRepository,
    private readonly alerts: OperatorAlerts,
  ) {}

  /** Runs once; called after each session check. Never rejects: the next run tries again. */
  async run(): Promise<void> {
    if (!this.config.tenantUsageCapsEnabled) return;
    try {
      if (!(await this.lease.take(LEASE, LEASE_MS))) return;
      await this.enforce().finally(() => this.lease.release(LEASE));
    } catch (error) {
      const { message, cause } = error as Error;
      if (error instanceof PlatformError && error.kind === 'shape') this.complain((cause as Error).message);
      else this.logger.warn({ reason: message }, 'usage-caps.failed');
    }
  }

  private async enforce(): Promise<void> {
    const { items, problems } = await this.core.listTenantUsages();
    problems.forEach((problem) => this.complain(problem));
    if (items.length === 0) return;
    // read again, so that no tenant is switched off for a limit that was raised meanwhile
    const tenants = new Map((await this.tenants.refresh()).map((tenant) => [tenant.id, tenant]));
    const over: OverCap[] = [];
    const under: string[] = [];
    for (const usage of items) {
      const tenant = tenants.get(usage.tenantId);
      const excess = tenant && excessOf(usage, tenant);
      if (tenant && excess) over.push({ tenant, excess });
      else if (tenant) under.push(tenant.id);
    }
    await this.capped.forget(under);
    await this.switchOff(over.filter(({ tenant }) => !tenant.disabled));
  }

  private async switchOff(over: readonly OverCap[]): Promise<void> {
    if (over.length === 0) return;
    const known = await this.capped.known(over.map(({ tenant }) => tenant.id));
    for (const { tenant, excess } of over) {
      if (known.has(tenant.id)) continue;
      try {
        await this.switchOffOne(tenant, excess);
      } catch (error) {
        this.logger.warn({ tenantId: tenant.id, reason: (error as Error).message }, 'tenant.disable-failed');
      }
    }
  }

  /** A crash between the steps is harmless: hbf-core then lists the tenant as disabled, and it is skipped. */
  private async switchOffOne({ id, organizationId }: Tenant, excess: Excess): Promise<void> {
    await this.core.disableTenant(id);
    const { limit, used, allowed } = excess;
    this.logger.warn({ tenantId: id, organizationId, limit, used, allowed }, 'tenant.disabled');
    await this.alerts.raise({
      kind: 'tenant-disabled',
      key: id,
      subject: `Tenant ${id} was disabled: it is over its ${limit}`,
      details: { tenant: id, organization: organizationId, limit, used, allowed },
    });
    await this.capped.remember({ _id: id, ...excess, at: new Date(this.clock.now()) });
  }

  private complain(problem: string): void {
    if (this.complainedOf.has(problem)) return;
    this.complainedOf.add(problem);
    this.logger.warn({ problem }, 'usage-caps.unknown-shape');
  }
}
