import { Injectable, Logger } from '@nestjs/common';

/** Why sessions of a tenant are not ended as they should be. */
export interface TenantProblem {
  tenantId: string;
  reason: string;
  since: Date;
}

interface Trouble {
  reason: string;
  since: number;
  /** Checks in a row in which its list failed. */
  failures: number;
  nextTryAt: number;
}

const MINUTE_MS = 60_000;
const LONGEST_BACKOFF_MS = 30 * MINUTE_MS;
/** Problems that are remembered with the check. */
const NAMED_AT_MOST = 1_000;

/** What is wrong with single tenants, and the backoff of those whose list failed: 1, 2, 4 … 30 minutes. */
@Injectable()
export class TenantProblems {
  private readonly logger = new Logger(TenantProblems.name);
  private readonly failing = new Map<string, Trouble>();
  /** Problems without a call that failed, by what they say, and the check that met them last. */
  private readonly noted = new Map<string, { problem: TenantProblem; check: number }>();
  /** Counts the checks: their points in time may go back, as hbf-core's clock is known by the second only. */
  private check = 0;

  /** Whether the tenant's list failed so lately that a scheduled check leaves it out. @param now epoch ms */
  backsOff(tenantId: string, now: number): boolean {
    return (this.failing.get(tenantId)?.nextTryAt ?? 0) > now;
  }

  /** @param now epoch ms */
  failed(tenantId: string, reason: string, now: number): void {
    const before = this.failing.get(tenantId);
    const failures = (before?.failures ?? 0) + 1;
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, MINUTE_MS * 2 ** (failures - 1));
    this.failing.set(tenantId, { reason, since: before?.since ?? now, failures, nextTryAt: now + backoffMs });
  }

  succeeded(tenantId: string): void {
    this.failing.delete(tenantId);
  }

  /** Forgets the failures of tenants that are no longer there, or that another replica asks for by now. */
  keepFailing(isOurs: (tenantId: string) => boolean): void {
    for (const tenantId of this.failing.keys()) if (!isOurs(tenantId)) this.failing.delete(tenantId);
  }

  /** From here on what earlier checks noted, and this one does not, is over. */
  begin(): void {
    this.check++;
  }

  /** Something of a tenant cannot be read, itself or an entry of its list; logged once. @param now of the check */
  note(tenantId: string, reason: string, now: number): void {
    const key = `${tenantId} ${reason}`;
    const known = this.noted.get(key);
    if (!known) this.logger.warn({ tenantId, reason }, 'tenant.problem');
    const problem = known?.problem ?? { tenantId, reason, since: new Date(now) };
    this.noted.set(key, { problem, check: this.check });
  }

  list(): TenantProblem[] {
    const failing = [...this.failing].map(([tenantId, { reason, since }]) => ({
      tenantId,
      reason,
      since: new Date(since),
    }));
    for (const [key, { check }] of this.noted) if (check < this.check) this.noted.delete(key);
    return [...[...this.noted.values()].map(({ problem }) => problem), ...failing].slice(0, NAMED_AT_MOST);
  }
}
