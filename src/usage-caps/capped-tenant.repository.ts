import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { CAPPED_TENANT, type CappedTenant } from './capped-tenant.schema.js';

/** The collection `capped-tenants`: which tenants were switched off, so that each is switched off once. */
@Injectable()
export class CappedTenantRepository {
  constructor(@InjectModel(CAPPED_TENANT) private readonly model: Model<CappedTenant>) {}

  /** @returns those of `tenantIds` that were switched off before */
  async known(tenantIds: readonly string[]): Promise<Set<string>> {
    const found = await this.model.find({ _id: { $in: [...tenantIds] } }, { _id: 1 }).lean();
    return new Set(found.map(({ _id }) => _id));
  }

  async remember({ _id, ...rest }: CappedTenant): Promise<void> {
    await this.model.updateOne({ _id }, { $set: rest }, { upsert: true });
  }

  /** Forgets tenants that are within their limits again: when they exceed one later, they are switched off again. */
  async forget(tenantIds: readonly string[]): Promise<void> {
    await this.model.deleteMany({ _id: { $in: [...tenantIds] } });
  }
}
