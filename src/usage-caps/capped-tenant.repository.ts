import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';
import type { Excess } from './cap-rules.js';

/** A tenant that was switched off for being over a limit, and was not seen under its limits since. */
export interface CappedTenant extends Excess {
  /** The tenant's id. */
  _id: string;
  at: Date;
}

/** The `capped-tenants` collection: which tenants were switched off, so that it is done once. */
@Injectable()
export class CappedTenantRepository {
  constructor(private readonly database: Database) {}

  private get capped() {
    return this.database.connection.collection<CappedTenant>('capped-tenants');
  }

  /** @returns those of `tenantIds` that were switched off before */
  async known(tenantIds: readonly string[]): Promise<Set<string>> {
    const found = await this.capped.find({ _id: { $in: [...tenantIds] } }, { projection: { _id: 1 } }).toArray();
    return new Set(found.map(({ _id }) => _id));
  }

  async remember({ _id, ...rest }: CappedTenant): Promise<void> {
    await this.capped.updateOne({ _id }, { $set: rest }, { upsert: true });
  }

  /** Forgets tenants that keep to their limits again: the next excess is a new one. */
  async forget(tenantIds: readonly string[]): Promise<void> {
    await this.capped.deleteMany({ _id: { $in: [...tenantIds] } });
  }
}
