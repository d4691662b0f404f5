import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection, Model } from 'mongoose';
import { nativeCollection } from '../persistence/native-collection.js';
import { INTEGRATION, type IntegrationDocument } from './integration.schema.js';
import { withAddress } from './recipient.js';

/** Counts integrations, each time over an index. Limits are counted no further than to the limit that is asked about. */
@Injectable()
export class IntegrationCounts {
  /** The native driver's, for the command `count`: mongoose's countDocuments reads the documents. */
  private readonly integrations: Collection<IntegrationDocument>;

  constructor(@InjectModel(INTEGRATION) model: Model<IntegrationDocument>) {
    this.integrations = nativeCollection(model);
  }

  /** @returns how many enabled integrations the organization has; `limit` where it has more */
  async enabledIn(organizationId: string, limit: number): Promise<number> {
    return this.integrations.count({ organizationId, enabled: true }, { limit, hint: 'organization-enabled' });
  }

  /** @returns one of the tenants that at least `limit` enabled integrations of the organization name, if there is one */
  async tenantNamedBy(
    limit: number,
    organizationId: string,
    tenantIds: readonly string[],
  ): Promise<string | undefined> {
    if (tenantIds.length === 0) return undefined;
    const pipeline = [
      { $match: { tenants: { $in: tenantIds }, enabled: true, organizationId } },
      // each names at least one of the tenants: of this many, one tenant has `limit` of them
      { $limit: limit * tenantIds.length },
      { $project: { tenants: { $setIntersection: ['$tenants', { $literal: tenantIds }] } } },
      { $unwind: '$tenants' },
      { $group: { _id: '$tenants', count: { $sum: 1 } } },
      { $match: { count: { $gte: limit } } },
      { $sort: { _id: 1 } },
      { $limit: 1 },
    ];
    const [full] = await this.integrations.aggregate<{ _id: string }>(pipeline, { hint: 'tenants-enabled' }).toArray();
    return full?._id;
  }

  /** @returns how many of these are the organization's and have the address among those that are told of errors */
  async withRecipient(recipient: string, organizationId: string, ids: readonly number[]): Promise<number> {
    if (ids.length === 0) return 0;
    const filter = { _id: { $in: ids }, organizationId, errorEmailRecipients: withAddress(recipient) };
    return this.integrations.countDocuments(filter);
  }
}
