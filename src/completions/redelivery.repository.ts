import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { nativeCollection } from '../persistence/native-collection.js';
import { REDELIVERY, type RedeliveryRequest } from './redelivery.schema.js';

/** Which requests a caller may see. */
export interface RedeliveryScope {
  /** Absent: of all organizations. */
  organizationId?: string;
  integrationId?: number;
}

/** The collection `redeliveries`. */
@Injectable()
export class RedeliveryRepository {
  private readonly requests: Collection<RedeliveryRequest>;

  constructor(@InjectModel(REDELIVERY) model: Model<RedeliveryRequest>) {
    this.requests = nativeCollection(model);
  }

  async add(request: RedeliveryRequest): Promise<void> {
    await this.requests.insertOne(request, { ignoreUndefined: true });
  }

  async find(id: string, scope: RedeliveryScope): Promise<RedeliveryRequest | undefined> {
    return (await this.requests.findOne({ _id: id, ...filterOf(scope) })) ?? undefined;
  }

  /** @returns the newest first */
  list(scope: RedeliveryScope, limit: number): Promise<RedeliveryRequest[]> {
    return this.requests.find(filterOf(scope)).sort({ at: -1 }).limit(limit).toArray();
  }

  /** @returns those that are not done, the oldest first */
  running(limit: number): Promise<RedeliveryRequest[]> {
    return this.requests.find({ state: 'running' }).sort({ at: 1 }).limit(limit).hint('running').toArray();
  }

  /** @param organizationId undefined: those over all organizations */
  countRunning(organizationId: string | undefined): Promise<number> {
    const theirs = organizationId === undefined ? { organizationId: { $exists: false } } : { organizationId };
    return this.requests.countDocuments({ state: 'running', ...theirs }, { hint: 'running' });
  }

  /** Writes how far it has come, and how it ended. */
  async update(id: string, change: Partial<Pick<RedeliveryRequest, 'state' | 'reason' | 'skipped' | 'position'>>) {
    await this.requests.updateOne({ _id: id, state: 'running' }, { $set: change }, { ignoreUndefined: true });
  }

  /** Removes those that ended and are older. @returns how many */
  async purge(before: Date): Promise<number> {
    return (await this.requests.deleteMany({ at: { $lt: before }, state: { $ne: 'running' } })).deletedCount;
  }
}

function filterOf({ organizationId, integrationId }: RedeliveryScope) {
  return {
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(integrationId === undefined ? {} : { 'filter.integrationId': integrationId }),
  };
}
