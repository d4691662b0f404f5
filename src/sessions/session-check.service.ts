import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { Clock } from '../persistence/clock.js';
import { JobLease } from '../persistence/job-lease.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { traced } from '../tracing/tracing.js';
import { Backpressure } from './backpressure.js';
import { CatchUp } from './catch-up.js';
import { type CheckFigures, noFigures } from './check-figures.js';
import { CheckPlanner } from './check-planner.js';
import { Recovery } from './recovery.js';
import { SessionEvents } from './session-events.js';
import { byShard, SHARD_LEASE_MS, shardLease } from './shards.js';
import { TenantScanner } from './tenant-scanner.js';

const SHARDS_AT_ONCE = 8;
const RENEW_LEASE_AFTER_MS = SHARD_LEASE_MS / 4;
/** Scans that fail one after the other before the check gives up: hbf-core is away, and each further scan would time out. */
const FAILURES_IN_A_ROW = 3;

/** One session check: which tenants have sessions that ended, and their completion, shard by shard. */
@Injectable()
export class SessionCheck {
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
    private readonly events: SessionEvents,
    private readonly pressure: Backpressure,
    private readonly catchUp: CatchUp,
  ) {}

  /** From here on a check that runs begins no further page. */
  stop(): void {
    this.stopping = true;
  }

  /** @throws PlatformError when hbf-core does not answer; a database error when the database is away */
  async run(): Promise<CheckFigures> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    try {
      const figures = await traced({ name: 'session-check' }, async (note) => {
        const all = await this.check();
        const { found, held, completed } = all;
        note(() => ({ 'hbf.sessions.found': found, 'hbf.sessions.held': held, 'hbf.sessions.completed': completed }));
        return all;
      });
      this.logger.log({ ...figures, durationMs: durationMs() }, 'session-check.finished');
      this.events.onCheckFinished({ figures, durationMs: durationMs() });
      return figures;
    } catch (error) {
      this.events.onCheckFinished({ durationMs: durationMs() });
      throw error;
    }
  }

  private async check(): Promise<CheckFigures> {
    const figures = noFigures();
    this.failuresInARow = 0;
    figures.recovered = await this.recover();
    figures.paused = await this.pressure.begin();
    if (figures.paused) return figures;
    const now = this.clock.now();
    const tenants = await this.tenants.refresh();
    const toScan = await this.planner.tenantsToScan(tenants, now, figures);
    figures.tenants = tenants.length;
    const shards = shuffle([...byShard(toScan)]);
    const limit = pLimit(SHARDS_AT_ONCE);
    if (this.catchUp.limited) await this.catchUp.run(toScan, now, figures, () => this.mayGoOn(figures));
    else await Promise.all(shards.map(([shard, members]) => limit(() => this.scanShard(shard, members, now, figures))));
    return figures;
  }

  /** What cannot be recovered now is taken up again later; it must not keep the other sessions from ending. */
  private async recover(): Promise<number> {
    try {
      return await this.recovery.run();
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'recovery.failed');
      return 0;
    }
  }

  /** Under a lease, so that replicas share the work: a replica that finds the shard taken leaves it alone. */
  private async scanShard(shard: number, tenants: readonly Tenant[], now: number, figures: CheckFigures) {
    const name = shardLease(shard);
    if (figures.paused || !(await this.lease.take(name, SHARD_LEASE_MS))) return;
    let renewedAt = Date.now();
    const stillOurs = async () => {
      if (Date.now() - renewedAt < RENEW_LEASE_AFTER_MS) return true;
      renewedAt = Date.now();
      return this.lease.take(name, SHARD_LEASE_MS);
    };
    try {
      const mayGoOn = async () => (await this.mayGoOn(figures)) && (await stillOurs());
      for (const tenant of tenants) {
        if (this.stopping || figures.paused || this.failuresInARow >= FAILURES_IN_A_ROW) return;
        await this.scanTenant(tenant, now, figures, mayGoOn);
      }
    } finally {
      await this.lease.release(name);
    }
  }

  private async mayGoOn(figures: CheckFigures): Promise<boolean> {
    if (this.stopping || figures.paused) return false;
    figures.paused = await this.pressure.tooHigh(figures.completed);
    return !figures.paused;
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

/** Replicas start at different ends. */
function shuffle<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
