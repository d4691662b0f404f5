import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Database } from './database.js';

interface LeaseDocument {
  _id: string;
  owner: string;
  until: Date;
}

/** A lease that a crash of the database forgets costs work twice, nothing else; waiting for the disk costs each time. */
const UNJOURNALED = { writeConcern: { w: 1, journal: false } } as const;

/**
 * Lets one replica at a time do a named job. The database server's clock decides when a lease has passed, so replicas'
 * clocks need not agree. A lease saves work; correctness rests on ids and tokens, as a paused process may act late.
 */
@Injectable()
export class JobLease {
  /** This process among the replicas. */
  readonly owner = randomUUID();

  constructor(private readonly database: Database) {}

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
      if ((error as { code?: unknown }).code === 11000) return false; // it is another's and has not passed
      throw error;
    }
  }

  /** Gives the lease back, if it is still ours. */
  async release(name: string): Promise<void> {
    await this.leases.updateOne({ _id: name, owner: this.owner }, { $set: { until: new Date(0) } }, UNJOURNALED);
  }

  private get leases() {
    return this.database.connection.collection<LeaseDocument>('leases');
  }
}
