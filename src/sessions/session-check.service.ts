import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { Clock } from '../persistence/clock.js';
import { JobLease } from '../persistence/job-lease.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { type CheckFigures, noFigures } from './check-figures.js';
import { CheckPlanner } from './check-planner.js';
import { Recovery } from './recovery.js';
import { TenantScanner } from './tenant-scanner.js';

const SHARDS = 16;
const SHARDS_AT_ONCE = 4;
/** Renewed before each page. */
const SHARD_LEASE_MS = 60_000;
/** Scans that fail one after the other before the check gives up: hbf-core is away, and each would wait in vain. */
const FAILURES_IN_A_ROW = 3;

/** One session check: which tenants have sessions that ended, and their completion, shard by shard. */
@Injectable()
export class SessionCheck implements OnModuleDestroy {
  private readonly logger = new Logger(SessionCheck.name);
  private stopping = false;
  private failuresInARow = 0;

  constructor(
    private readonly clock: Clock,
    private readonly lease: JobLease,
    private readonly tenants: TenantDirectory,
    private readonly planner: CheckPlanner,
    private readonly scanner: TenantScanner,
    private readonly recovery: Recovery,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** @throws PlatformError when hbf-core does not answer; a database error when the database is away */
  async run(): Promise<CheckFigures> {
    const startedAt = performance.now();
    const figures = noFigures();
    this.failuresInARow = 0;
    figures.recovered = await this.recovery.run();
    const now = this.clock.now();
    const tenants = await this.tenants.refresh();
    const toScan = await this.planner.tenantsToScan(tenants, now, figures);
    figures.tenants = tenants.length;
    const limit = pLimit(SHARDS_AT_ONCE);
    const shards = shuffle([...byShard(toScan)]);
    await Promise.all(shards.map(([shard, members]) => limit(() => this.scanShard(shard, members, now, figures))));
    this.logger.log({ ...figures, durationMs: Math.round(performance.now() - startedAt) }, 'session-check.finished');
    return figures;
  }

  /** Under a lease, so that replicas share the work; whoever finds the shard taken leaves it to the other. */
  private async scanShard(shard: number, tenants: readonly Tenant[], now: number, figures: CheckFigures) {
    const name = `session-check:${shard}`;
    if (!(await this.lease.take(name, SHARD_LEASE_MS))) return;
    try {
      const mayGoOn = async () => !this.stopping && (await this.lease.take(name, SHARD_LEASE_MS));
      for (const tenant of tenants) {
        if (this.stopping || this.failuresInARow >= FAILURES_IN_A_ROW) return;
        await this.scanTenant(tenant, now, figures, mayGoOn);
      }
    } finally {
      await this.lease.release(name);
    }
  }

  private async scanTenant(tenant: Tenant, now: number, figures: CheckFigures, mayGoOn: () => Promise<boolean>) {
    figures.tenantsScanned++;
    try {
      await this.scanner.scan(tenant, now, figures, mayGoOn);
      this.failuresInARow = 0;
    } catch (error) {
      this.failuresInARow++;
      figures.tenantsFailed++;
      this.logger.error({ tenantId: tenant.id, reason: (error as Error).message }, 'session-check.tenant-failed');
    }
  }
}

function byShard(tenants: readonly Tenant[]): Map<number, Tenant[]> {
  const shards = new Map<number, Tenant[]>();
  for (const tenant of tenants) {
    const shard = createHash('sha1').update(tenant.id).digest()[0]! % SHARDS;
    shards.set(shard, [...(shards.get(shard) ?? []), tenant]);
  }
  return shards;
}

/** Replicas start at different ends. */
function shuffle<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
