import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Config } from '../config/config.js';
import { integrationOf } from './integration.repository.js';
import { INTEGRATION, type Integration, type IntegrationDocument } from './integration.schema.js';

/** So many integrations are read at once, whatever they are; where there are more, the disabled ones are read apart. */
const READ_AT_ONCE = 500;
/** Tenants whose disabled integrations are read with one command: a pipeline has at most 1,000 stages. */
const TENANTS_AT_ONCE = 100;

/** In one answer, as far as it fits. */
const WHOLE = { batchSize: 10_000 } as const;

interface ListedTenant {
  id: string;
  organizationId: string;
}

/** A disabled integration, and one of the tenants that it lists. */
interface Disabled {
  _id: number;
  tenantId: string;
}

/** The disabled integrations that list a tenant and are of its organization. */
export interface DisabledIntegrations {
  organizationId: string;
  /** The newest first; at most INTEGRATIONS_MAX_PER_TENANT. */
  ids: number[];
  /** There are older ones that are not among them. */
  more: boolean;
}

/** The integrations that list tenants. */
export interface ListedIntegrations {
  /** All of them, of any organization: the caller checks it. */
  enabled: Integration[];
  /** By tenant; one without a disabled integration is not in it. */
  disabled: ReadonlyMap<string, DisabledIntegrations>;
}

/**
 * Finds the integrations that list given tenants. The number of enabled ones is limited when they are written
 * (IntegrationLimits), that of disabled ones is not: of these no more are read than are returned.
 */
@Injectable()
export class TenantIntegrations {
  constructor(
    @InjectModel(INTEGRATION) private readonly model: Model<IntegrationDocument>,
    private readonly config: Config,
  ) {}

  /** One command for up to 500 integrations, and beyond that two others for a hundred tenants. */
  async of(tenants: readonly ListedTenant[]): Promise<ListedIntegrations> {
    const byId = new Map(tenants.map((tenant) => [tenant.id, tenant]));
    if (byId.size === 0) return { enabled: [], disabled: new Map() };
    const listed = { tenants: { $in: [...byId.keys()] } };
    // not sorted: with a sort the engine scans all integrations by id instead of using the index on tenants
    const found = await this.model
      .find(listed, null, { limit: READ_AT_ONCE + 1, ...WHOLE })
      .lean<IntegrationDocument[]>();
    if (found.length <= READ_AT_ONCE) return this.listed(found, disabledAmong(found, byId), byId);
    // in this order: one that is disabled in between is found twice, and counts as enabled
    const enabled = await this.model.find({ ...listed, enabled: true }, null, WHOLE).lean<IntegrationDocument[]>();
    return this.listed(enabled, await this.newestDisabled([...byId.values()]), byId);
  }

  private async newestDisabled(tenants: readonly ListedTenant[]): Promise<Disabled[]> {
    const found: Disabled[] = [];
    for (let from = 0; from < tenants.length; from += TENANTS_AT_ONCE) {
      const [first, ...others] = tenants.slice(from, from + TENANTS_AT_ONCE).map((tenant) => this.newestOf(tenant));
      const coll = this.model.collection.name;
      const more = others.map((pipeline) => ({ $unionWith: { coll, pipeline } }));
      found.push(...(await this.model.aggregate<Disabled>([...first!, ...more], WHOLE)));
    }
    return found;
  }

  /** Read from the index alone, and no further than to its limit. */
  private newestOf({ id, organizationId }: ListedTenant) {
    return [
      { $match: { tenants: id, enabled: false, organizationId } },
      // by all fields of the index after the tenant: no other index gives this order
      { $sort: { enabled: -1 as const, organizationId: -1 as const, _id: -1 as const } },
      { $limit: this.config.maxIntegrationsPerTenant + 1 },
      { $project: { tenantId: { $literal: id } } },
    ];
  }

  private listed(
    found: readonly IntegrationDocument[],
    disabled: readonly Disabled[],
    tenants: ReadonlyMap<string, ListedTenant>,
  ): ListedIntegrations {
    const enabled = found.filter((one) => one.enabled).map(integrationOf);
    const isEnabled = new Set(disabled.length > 0 ? enabled.map(({ id }) => id) : []);
    const byTenant = new Map<string, number[]>();
    for (const { _id, tenantId } of disabled) {
      if (isEnabled.has(_id)) continue;
      const ids = byTenant.get(tenantId);
      if (ids) ids.push(_id);
      else byTenant.set(tenantId, [_id]);
    }
    const { maxIntegrationsPerTenant: most } = this.config;
    const newest = [...byTenant].map(([tenantId, ids]): [string, DisabledIntegrations] => {
      const { organizationId } = tenants.get(tenantId)!;
      return [tenantId, { organizationId, ids: ids.sort((a, b) => b - a).slice(0, most), more: ids.length > most }];
    });
    return { enabled, disabled: new Map(newest) };
  }
}

/** The disabled ones, once for each tenant of their own organization that they list. */
function disabledAmong(found: readonly IntegrationDocument[], tenants: ReadonlyMap<string, ListedTenant>): Disabled[] {
  return found
    .filter(({ enabled }) => !enabled)
    .flatMap(({ _id, organizationId, tenants: listed }) =>
      [...new Set(listed)]
        .filter((id) => tenants.get(id)?.organizationId === organizationId)
        .map((tenantId) => ({ _id, tenantId })),
    );
}
