import { Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { ViolationsException } from '../http/violations.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';

/** Calls to hbf-core under way at once for one request. */
const CHECKS_AT_ONCE = 16;
const MAX_TENANTS_NAMED = 10;

/** Holds the tenants of an integration against hbf-core: transcripts of another organization's must not leave. */
@Injectable()
export class TenantOwnership {
  private readonly logger = new Logger(TenantOwnership.name);

  constructor(private readonly core: CoreClient) {}

  /**
   * Asks hbf-core once for each tenant; for a request that breaks no other rule.
   *
   * @param tenantIds without repetition
   * @throws ViolationsException naming the tenants that are not the organization's, ten of them at most
   * @throws ServiceUnavailableException when hbf-core cannot be asked
   */
  async check(organizationId: string, tenantIds: readonly string[]): Promise<void> {
    const foreign = await this.foreignOf(organizationId, tenantIds).catch((error: unknown) => this.refuse(error));
    if (foreign.length === 0) return;
    const shown = foreign.slice(0, MAX_TENANTS_NAMED).join(', ');
    const more = foreign.length > MAX_TENANTS_NAMED ? `, and ${foreign.length - MAX_TENANTS_NAMED} more` : '';
    const message = `must be tenants of this organization, unlike ${shown}${more}`;
    throw new ViolationsException([{ field: 'tenants', message }]);
  }

  private refuse(error: unknown): never {
    if (!(error instanceof PlatformError)) throw error;
    this.logger.warn({ kind: error.kind, code: error.code }, 'integration.tenants-unchecked');
    throw new ServiceUnavailableException('hbf-core cannot be asked about the tenants; try again later');
  }

  /** The workers share one generator: each id is asked for once, and the first failure ends it for all of them. */
  private async foreignOf(organizationId: string, tenantIds: readonly string[]): Promise<string[]> {
    const foreign = new Set<string>();
    const left = eachOnce(tenantIds);
    const work = async (): Promise<void> => {
      for (const id of left) {
        if (!(await this.core.getTenant(organizationId, id))) foreign.add(id);
      }
    };
    await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work));
    return tenantIds.filter((id) => foreign.has(id));
  }
}

/** Unlike an array's own iterator, a generator ends when one of its readers fails. */
function* eachOnce<T>(items: readonly T[]): Generator<T> {
  yield* items;
}
