import { Injectable, Logger } from '@nestjs/common';
import type { Integration } from '../integrations/integration.schema.js';
import { type ListedIntegrations, TenantIntegrations } from '../integrations/tenant-integrations.js';
import { Clock } from '../persistence/clock.js';
import { type Planned, planBatch, type ReadSession } from './delivery-plan.js';

/** Plans the deliveries of a batch by the integrations as they are now. */
@Injectable()
export class DeliveryPlanner {
  private readonly logger = new Logger(DeliveryPlanner.name);

  constructor(
    private readonly clock: Clock,
    private readonly integrations: TenantIntegrations,
  ) {}

  /** @returns what is planned, and the enabled integrations of its webhooks, by id */
  async plan(batch: readonly ReadSession[]): Promise<{ planned: Planned[]; integrations: Map<number, Integration> }> {
    const listed = await this.integrations.of(batch.map(({ tenant }) => tenant));
    this.noteLeftOut(batch, listed);
    const planned = planBatch(batch, listed, new Date(this.clock.now()));
    return { planned, integrations: new Map(listed.enabled.map((integration) => [integration.id, integration])) };
  }

  /** Said once for a tenant and check. */
  private noteLeftOut(batch: readonly ReadSession[], { disabled }: ListedIntegrations): void {
    if (disabled.size === 0) return;
    for (const { tenant, run } of batch) {
      const found = disabled.get(tenant.id);
      if (!found?.more || run.integrationsLeftOut.has(tenant.id)) continue;
      run.integrationsLeftOut.add(tenant.id);
      const { id: tenantId, organizationId } = tenant;
      this.logger.warn({ tenantId, organizationId, recorded: found.ids.length }, 'integrations.left-out');
    }
  }
}
