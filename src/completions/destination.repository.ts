import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { nativeCollection } from '../persistence/native-collection.js';
import { CHANNELS, serviceOf } from './delivery.js';
import { type Destination, DESTINATION } from './destination.schema.js';
import { alike, type FoundState, withFoundLimit } from './found-limits.js';

const SERVICES = CHANNELS.flatMap((channel) => serviceOf(channel) ?? []);
const IDLE = { idleSince: 1 } as const;
const OPEN = { openUntil: { $exists: true } };
/** Lost in a crash of the database, it is written anew within seconds. */
const UNIMPORTANT = { ordered: false, writeConcern: { w: 1, journal: false } };
const CIRCUIT = { openUntil: 1, failures: 1, probing: 1, limits: 1 } as const;

/** Of a destination, what its circuit is shown by. */
export type CircuitFields = Pick<Destination, '_id' | keyof typeof CIRCUIT>;

/** A circuit that opens. */
export interface Opening {
  until: Date;
  openings: number;
  failures: number;
}

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

  /**
   * Opens a circuit, for the first time or after a probe; at once for the next probe where somebody asked for one while
   * that probe was under way.
   *
   * @param now of the database's clock
   * @returns until when it is open
   */
  async openCircuit(id: string, { until, openings, failures }: Opening, now: Date): Promise<Date> {
    const openUntil = { $cond: ['$probeAsked', { $min: [now, until] }, until] };
    const set = { openUntil, openings, failures, version: { $ifNull: ['$version', 0] } };
    const opened = await this.destinations.findOneAndUpdate(
      { _id: id },
      [{ $set: set }, { $unset: ['probing', 'probeAsked'] }],
      { upsert: true, returnDocument: 'after', projection: { openUntil: 1 } },
    );
    return opened?.openUntil ?? until;
  }

  async closeCircuit(id: string): Promise<void> {
    const open = { openUntil: 1, openings: 1, failures: 1, probing: 1, probeAsked: 1 } as const;
    await this.destinations.updateOne({ _id: id }, { $unset: open });
  }

  /** Takes the right to send the one probe of an open circuit. @returns false when another replica has it */
  async takeProbe({ _id, openUntil }: Destination, until: Date): Promise<boolean> {
    const change = { $set: { openUntil: until, probing: true }, $unset: { probeAsked: 1 } } as const;
    return (await this.destinations.updateOne({ _id, openUntil }, change)).modifiedCount === 1;
  }

  /**
   * Lets the open circuits of `ids` probe now; where a probe is under way, again should that fail. In this order: one
   * whose probe ends between the two is not missed.
   */
  async askForProbes(ids: readonly string[], now: Date): Promise<void> {
    const open = { _id: { $in: [...ids] }, openUntil: { $gt: now } };
    await this.destinations.bulkWrite([
      { updateMany: { filter: { ...open, probing: true }, update: { $set: { probeAsked: true } } } },
      { updateMany: { filter: { ...open, probing: { $ne: true } }, update: { $set: { openUntil: now } } } },
    ]);
  }

  /** @returns what the circuits of `ids` are shown by, those of the platform's services too; in one query */
  async circuitsOf(ids: readonly string[]): Promise<CircuitFields[]> {
    return this.destinations.find({ _id: { $in: [...ids, ...SERVICES] } }, { projection: CIRCUIT }).toArray();
  }

  /**
   * Stores what a replica found about destinations that it attempted lately, those of which it found the same together.
   * Destinations of which nothing has ever been pending have no document: theirs are made, as idle ones.
   */
  async noteFound(found: readonly FoundState[]): Promise<void> {
    const updates = [...alike(found)].map(({ ids, state }) => ({
      updateMany: { filter: { _id: { $in: ids } }, update: withFoundLimit(state) },
    }));
    const { matchedCount } = await this.destinations.bulkWrite(updates, UNIMPORTANT);
    if (matchedCount === found.length) return;
    const ids = found.map(({ destination }) => destination);
    const known = await this.destinations.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const missing = new Set(ids);
    for (const { _id } of known) missing.delete(_id);
    const inserts = found
      .filter(({ destination }) => missing.has(destination))
      .map((one) => ({ updateOne: { filter: { _id: one.destination }, update: withFoundLimit(one), upsert: true } }));
    if (inserts.length > 0) await this.destinations.bulkWrite(inserts, UNIMPORTANT);
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
