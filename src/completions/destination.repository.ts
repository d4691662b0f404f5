import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { nativeCollection } from '../persistence/native-collection.js';
import { CHANNELS, serviceOf } from './delivery.js';
import { type Destination, DESTINATION } from './destination.schema.js';

const SERVICES = CHANNELS.flatMap((channel) => serviceOf(channel) ?? []);
const IDLE = { idleSince: 1 } as const;
const OPEN = { openUntil: { $exists: true } };

/** The collection `destinations`. */
@Injectable()
export class DestinationRepository {
  private readonly destinations: Collection<Destination>;

  constructor(@InjectModel(DESTINATION) model: Model<Destination>) {
    this.destinations = nativeCollection(model);
  }

  /**
   * @param without destinations, and channels of them, that are not looked at now
   * @returns those with something due whose circuit lets a delivery through, the longest due first
   */
  async withWork(
    now: Date,
    limit: number,
    without: { destinations: readonly string[]; channels: readonly string[] } = { destinations: [], channels: [] },
  ): Promise<Destination[]> {
    const others = {
      ...(without.destinations.length > 0 && { _id: { $nin: [...without.destinations] } }),
      ...(without.channels.length > 0 && { $nor: without.channels.map((channel) => ({ _id: new RegExp(`^${channel}(:|$)`) })) }), // prettier-ignore
    };
    const passable = { $or: [{ openUntil: { $exists: false } }, { openUntil: { $lte: now } }] };
    return this.destinations
      .find({ nextDueAt: { $lte: now }, ...passable, ...others })
      .sort({ nextDueAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** @returns the platform's services whose circuit is open */
  async openServices(): Promise<Destination[]> {
    return this.destinations.find({ _id: { $in: SERVICES }, ...OPEN }).toArray();
  }

  /** @returns those of `ids` that a retry worker looks at, now or when they are due */
  async announcedOf(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const announced = { _id: { $in: [...ids] }, nextDueAt: { $exists: true } };
    const found = await this.destinations.find(announced, { projection: { _id: 1 } }).toArray();
    return found.map(({ _id }) => _id);
  }

  /**
   * Removes those of which nothing has been pending since `before`. Not at once: the next announcement would count their
   * changes from the beginning, and an outdated `setNextDue` could take it for the one that it had read.
   *
   * @returns how many
   */
  async purgeIdle(before: Date): Promise<number> {
    const since = (field: 'idleSince' | 'openUntil') => ({
      $or: [{ [field]: { $exists: false } }, { [field]: { $lt: before } }],
    });
    const idle = { nextDueAt: { $exists: false }, $and: [since('idleSince'), since('openUntil')] };
    return (await this.destinations.deleteMany(idle)).deletedCount;
  }

  /** @returns those that may have something due, the longest due first; their circuits do not matter */
  async longestDue(now: Date, limit: number): Promise<Destination[]> {
    return this.destinations
      .find({ nextDueAt: { $lte: now } })
      .sort({ nextDueAt: 1 })
      .limit(limit)
      .toArray();
  }

  /** Says that something of each destination falls due at the given time. DueTimesWriter calls it around each write. */
  async announce(dueTimes: ReadonlyMap<string, Date>): Promise<void> {
    await this.destinations.bulkWrite(
      [...dueTimes].map(([_id, nextDueAt]) => ({
        updateOne: {
          filter: { _id },
          update: { $min: { nextDueAt }, $unset: IDLE, $inc: { version: 1 } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
  }

  /** Replaces the next due time by what the backlog says, unless something was announced since `destination` was read. */
  async setNextDue({ _id, version }: Destination, nextDueAt: Date | undefined): Promise<void> {
    const change = nextDueAt
      ? { $set: { nextDueAt } }
      : { $unset: { nextDueAt: 1 as const }, $currentDate: { idleSince: true as const } };
    await this.destinations.updateOne({ _id, version }, { ...change, $inc: { version: 1 } });
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
  async takeProbe({ _id, openUntil }: Destination, until: Date): Promise<boolean> {
    const taken = await this.destinations.updateOne({ _id, openUntil }, { $set: { openUntil: until } });
    return taken.modifiedCount === 1;
  }

  /** @returns how many destinations have an open circuit */
  async countOpen(): Promise<number> {
    return this.destinations.countDocuments(OPEN);
  }

  /** @returns those that have something pending, the longest due first; `openUntil` tells whose circuit is open */
  async withBacklog(): Promise<Pick<Destination, '_id' | 'nextDueAt' | 'openUntil'>[]> {
    const projection = { _id: 1, nextDueAt: 1, openUntil: 1 };
    return this.destinations
      .find({ nextDueAt: { $exists: true } }, { projection })
      .sort({ nextDueAt: 1 })
      .toArray();
  }
}
