import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { RecentTenants } from '../platform/core/recent-tenants.js';
import { thresholdOf } from '../sessions/expiry-policy.js';
import { refuseWithoutCore } from './core-unavailable.js';
import type { TenantResource } from './tenants.dto.js';

/** The tenants of an organization, with the threshold by which session checks end their sessions. */
@Injectable()
export class TenantsService {
  constructor(
    private readonly config: Config,
    private readonly tenants: RecentTenants,
  ) {}

  /** @throws ServiceUnavailableException when hbf-core cannot be asked */
  async list(organizationId: string): Promise<TenantResource[]> {
    const found = await this.tenants.of(organizationId).catch(refuseWithoutCore);
    return found.map(({ id, displayName, ...settings }) => {
      const { seconds, rule } = thresholdOf(settings, this.config.defaultThresholdSeconds);
      return { id, ...(displayName === undefined ? {} : { displayName }), thresholdSeconds: seconds, rule };
    });
  }
}
