import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection, Model } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { isDuplicateKey } from './duplicates.js';
import { LEASE, type LeaseDocument } from './lease.schema.js';
import { nativeCollection } from './native-collection.js';

/** When a crash of the database loses a lease, a job runs twice, nothing more; journaling would delay every lease. */
const UNJOURNALED = { writeConcern: { w: 1, journal: false } } as const;

/**
 * Lets one replica at a time do a named job. The database server's clock decides when a lease has passed, so replicas'
 * clocks need not agree. A lease only avoids double work: a paused process may act after its lease has passed, so
 * correctness depends on ids and tokens.
 */
@Injectable()
export class JobLease {
  /** This process among the replicas. */
  readonly owner = randomUUID();

  /** The native driver's, for `$$NOW` in an aggregation pipeline and for the write concern. */
  private readonly leases: Collection<LeaseDocument>;

  constructor(@InjectModel(LEASE) model: Model<LeaseDocument>) {
    this.leases = nativeCollection(model);
  }

  /**
   * Takes or renews the lease `name` for `ms` milliseconds.
   *
   * @returns false when another owner holds it
   */
  async take(name: string, ms: number): Promise<boolean> {
    const taken = [{ $set: { owner: this.owner, until: { $add: ['$$NOW', ms] } } }];
    const ours = { _id: name, owner: this.owner };
    const free = { _id: name, $expr: { $lte: ['$until', '$$NOW'] } };
    const known = await this.leases.updateOne({ $or: [ours, free] }, taken, UNJOURNALED);
    if (known.matchedCount > 0) return true;
    try {
      await this.leases.updateOne(ours, taken, { upsert: true, ...UNJOURNALED });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false; // another owner holds it and it has not passed
      throw error;
    }
  }

  /** Gives the lease back, if it is still ours. */
  async release(name: string): Promise<void> {
    await this.leases.updateOne({ _id: name, owner: this.owner }, { $set: { until: new Date(0) } }, UNJOURNALED);
  }
}
