import { Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { ViolationsException } from '../http/violations.js';
import { OrganizationTenants } from '../platform/core/organization-tenants.js';
import { PlatformError } from '../platform/platform-error.js';

const MAX_TENANTS_NAMED = 10;
/** Of these the nearest id is told: often one character was left out. */
const MAX_NEAREST = 3;

/** Holds the tenants of an integration against hbf-core: transcripts of another organization's must not leave. */
@Injectable()
export class TenantOwnership {
  private readonly logger = new Logger(TenantOwnership.name);

  constructor(private readonly tenants: OrganizationTenants) {}

  /**
   * For a request that breaks no other rule.
   *
   * @param tenantIds without repetition
   * @throws ViolationsException naming the tenants that are not the organization's, ten of them at most, and the ids of
   *   the organization that are nearest
   * @throws ServiceUnavailableException when hbf-core cannot be asked
   */
  async check(organizationId: string, tenantIds: readonly string[]): Promise<void> {
    if (tenantIds.length === 0) return;
    const foreign = await this.tenants
      .foreignOf(organizationId, tenantIds)
      .catch((error: unknown) => this.refuse(error));
    if (foreign.length === 0) return;
    const named = foreign.slice(0, MAX_TENANTS_NAMED);
    const shown = named
      .map((id, index) => (index < MAX_NEAREST ? this.withNearest(organizationId, id) : id))
      .join(', ');
    const more = foreign.length > MAX_TENANTS_NAMED ? `, and ${foreign.length - MAX_TENANTS_NAMED} more` : '';
    const message = `must be tenants of this organization, unlike ${shown}${more}`;
    throw new ViolationsException([{ field: 'tenants', message }]);
  }

  private withNearest(organizationId: string, id: string): string {
    const nearest = this.tenants.nearest(organizationId, id);
    return nearest === undefined ? id : `${id} (the nearest is ${nearest})`;
  }

  private refuse(error: unknown): never {
    if (!(error instanceof PlatformError)) throw error;
    this.logger.warn({ kind: error.kind, code: error.code }, 'integration.tenants-unchecked');
    throw new ServiceUnavailableException('hbf-core cannot be asked about the tenants; try again later');
  }
}
