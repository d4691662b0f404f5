import { Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.js';

/**
 * One document per destination that has or had something due: which lanes have work is read from here, not by walking
 * the backlog (a look-up behind 100,000 rows of a hanging destination took 222 ms). Collection `destinations`.
 */
export interface Destination {
  _id: string;
  /** Nothing of it is due before; never later than the truth. Absent: nothing is owed. */
  nextDueAt?: Date;
  /** Counts every change of nextDueAt, so that a stale reckoning does not undo a newer one. */
  version: number;
  /** Present while its circuit is open: no attempt before. */
  openUntil?: Date;
  openings?: number;
}

@Injectable()
export class DestinationRepository {
  constructor(private readonly database: Database) {}

  private get destinations() {
    return this.database.connection.collection<Destination>('destinations');
  }

  /** @returns those with something due whose circuit lets a delivery through, the longest due first */
  async withWork(now: Date, limit: number): Promise<Destination[]> {
    return this.destinations
      .find({ nextDueAt: { $lte: now }, $or: [{ openUntil: { $exists: false } }, { openUntil: { $lte: now } }] })
      .sort({ nextDueAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** @returns those of which nothing is known to be owed */
  async withoutWork(): Promise<Destination[]> {
    return this.destinations.find({ nextDueAt: { $exists: false } }).toArray();
  }

  /** Says that something of each destination falls due at the given time. Comes before the write that makes it due. */
  async announce(dueTimes: ReadonlyMap<string, Date>): Promise<void> {
    await this.destinations.bulkWrite(
      [...dueTimes].map(([_id, nextDueAt]) => ({
        updateOne: { filter: { _id }, update: { $min: { nextDueAt }, $inc: { version: 1 } }, upsert: true },
      })),
      { ordered: false },
    );
  }

  /** Replaces the next due time as reckoned from the backlog, unless something was announced meanwhile. */
  async reckoned(destination: Destination, nextDueAt: Date | undefined): Promise<void> {
    await this.destinations.updateOne(
      { _id: destination._id, version: destination.version },
      { ...(nextDueAt ? { $set: { nextDueAt } } : { $unset: { nextDueAt: 1 as const } }), $inc: { version: 1 } },
    );
  }

  async openCircuit(id: string, openUntil: Date, openings: number): Promise<void> {
    await this.destinations.updateOne(
      { _id: id },
      { $set: { openUntil, openings }, $setOnInsert: { version: 0 } },
      { upsert: true },
    );
  }

  async closeCircuit(id: string): Promise<void> {
    await this.destinations.updateOne({ _id: id }, { $unset: { openUntil: 1, openings: 1 } });
  }

  /** Takes the right to send the one probe of an open circuit. @returns false when another replica has it */
  async takeProbe(destination: Destination, until: Date): Promise<boolean> {
    const result = await this.destinations.updateOne(
      { _id: destination._id, openUntil: destination.openUntil },
      { $set: { openUntil: until } },
    );
    return result.modifiedCount === 1;
  }

  /** @returns those that may have something due, the longest due first; for those who only look */
  async longestDue(now: Date, limit: number): Promise<Destination[]> {
    return this.destinations
      .find({ nextDueAt: { $lte: now } })
      .sort({ nextDueAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** @returns how many destinations have an open circuit */
  async countOpen(): Promise<number> {
    return this.destinations.countDocuments({ openUntil: { $exists: true } });
  }
}
