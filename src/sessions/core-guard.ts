import type { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';

/** Lists that fail one after the other before a question is asked that has nothing to do with a tenant. */
const ASK_AFTER = 3;
/** So many lists, of at least so many tenants, of which none succeeded: hbf-core is away for sessions. */
const LATEST_LISTS = 50;
const OF_TENANTS = 20;
/** Batches that hbf-core fails to complete, one after the other. */
const FAILED_BATCHES = 3;

/**
 * Tells a tenant's trouble from hbf-core's, for one check. A tenant whose list fails stops itself; the check ends early
 * only when hbf-core does not answer a neutral question (`/tenants`, one row) either, when none of the latest lists
 * succeeded, or when sessions cannot be completed.
 */
export class CoreGuard {
  /** Why the check is to end; undefined while hbf-core answers. */
  away?: Error;

  private failedLists = 0;
  private failedBatches = 0;
  private readonly latest: { tenantId: string; succeeded: boolean }[] = [];

  constructor(private readonly core: CoreClient) {}

  listed(tenantId: string): void {
    this.failedLists = 0;
    this.note(tenantId, true);
  }

  /** @param error why a tenant's list failed */
  async listFailed(tenantId: string, error: Error): Promise<void> {
    this.note(tenantId, false);
    this.failedLists++;
    if (this.noneSucceeded) this.away ??= error;
    else if (this.failedLists % ASK_AFTER === 0) await this.ask();
  }

  completed(): void {
    this.failedBatches = 0;
  }

  /** @param error why a batch could not be completed; any but hbf-core's is the database's, and ends the check */
  completionFailed(error: Error): void {
    this.failedBatches++;
    if (this.failedBatches >= FAILED_BATCHES || !(error instanceof PlatformError)) this.away ??= error;
  }

  private async ask(): Promise<void> {
    try {
      await this.core.listTenants(0, 1);
    } catch (error) {
      this.away ??= error as Error;
    }
  }

  private note(tenantId: string, succeeded: boolean): void {
    this.latest.push({ tenantId, succeeded });
    if (this.latest.length > LATEST_LISTS) this.latest.shift();
  }

  private get noneSucceeded(): boolean {
    if (this.latest.length < LATEST_LISTS || this.latest.some(({ succeeded }) => succeeded)) return false;
    return new Set(this.latest.map(({ tenantId }) => tenantId)).size >= OF_TENANTS;
  }
}
