import { Injectable } from '@nestjs/common';
import { type Collection, ObjectId } from 'mongodb';
import { Database } from '../persistence/database.js';
import { duplicatesOf } from '../persistence/duplicates.js';
import { type Completion, newDelivery } from './completion.js';
import { DELIVERIES_AT_ONCE, partsOf } from './parts.js';

/** A completion as it is detected. Nothing has come of its deliveries yet: where they go says it all. */
type DetectedCompletion = Omit<Completion, 'state' | 'open' | 'completedAt' | 'lease' | 'leaseUntil' | 'deliveries'> & {
  destinations: string[];
};

/**
 * What is owed for a page of sessions that hbf-core may not know as COMPLETED yet, or whose first outcomes are not
 * written: one document, as to write one for each session takes the database three times as long. Collection
 * `detections`. A completion is in no two of them; once it is in `completions`, what stands here is void.
 */
export interface Detection {
  _id: ObjectId;
  /** Of the process that is at work on it from detection to the first outcomes. */
  lease: string;
  leaseUntil: Date;
  completions: DetectedCompletion[];
}

/** Sessions in one document: Recovery asks hbf-core for each of them by itself, within one lease. */
const SESSIONS_AT_ONCE = 100;

/** The `detections` collection. */
@Injectable()
export class DetectionRepository {
  constructor(private readonly database: Database) {}

  private get detections(): Collection<Detection> {
    return this.database.connection.collection<Detection>('detections');
  }

  /**
   * Writes down what is owed, before hbf-core is told. Only what is written can tell whether another was faster: so
   * `completions` is asked afterwards, and what it holds is taken out again.
   *
   * @param completions of one lease
   * @returns the ids that are detected or completed already, and so were not added
   * @throws a database error; some may have been added all the same: they are left to the recovery
   */
  async add(completions: readonly Completion[]): Promise<Set<string>> {
    const known = new Set<string>();
    const once = new Map<string, Completion>();
    for (const completion of completions) {
      if (once.has(completion._id)) known.add(completion._id);
      else once.set(completion._id, completion);
    }
    const weightOf = ({ deliveries }: Completion) => Math.max(deliveries.length, DELIVERIES_AT_ONCE / SESSIONS_AT_ONCE);
    for (const part of partsOf([...once.values()], weightOf)) {
      for (const id of await this.addPage(part)) known.add(id);
    }
    const completed = await this.completedOf([...once.values()].filter(({ _id }) => !known.has(_id)));
    await this.remove(completed);
    completed.forEach(({ _id }) => known.add(_id));
    return known;
  }

  /** @returns the ids that another page holds; the rest was added */
  private async addPage(page: readonly Completion[]): Promise<string[]> {
    const held: string[] = [];
    for (let left = [...page]; left.length > 0;) {
      const { lease, leaseUntil } = left[0]!;
      try {
        const completions = left.map(detectedOf);
        await this.detections.insertMany([
          { _id: new ObjectId(), lease: lease!, leaseUntil: leaseUntil!, completions },
        ]);
        return held;
      } catch (error) {
        duplicatesOf(error); // throws what is anything else
        const others = await this.heldOf(left.map(({ _id }) => _id));
        held.push(...left.filter(({ _id }) => others.has(_id)).map(({ _id }) => _id));
        left = left.filter(({ _id }) => !others.has(_id));
      }
    }
    return held;
  }

  /** Takes out what is completed by now, or not owed any more, where its lease is still in force. */
  async remove(completions: readonly Pick<Completion, '_id' | 'lease'>[]): Promise<void> {
    if (completions.length === 0) return;
    const ids = completions.map(({ _id }) => _id);
    const leases = [...new Set(completions.map(({ lease }) => lease!))];
    const ours = { lease: { $in: leases }, 'completions._id': { $in: ids } };
    await this.detections.bulkWrite([
      // whole pages first: the unique index takes two that were emptied for the same
      { deleteMany: { filter: { ...ours, completions: { $not: { $elemMatch: { _id: { $nin: ids } } } } } } },
      { updateMany: { filter: ours, update: { $pull: { completions: { _id: { $in: ids } } } } } },
    ]);
  }

  /** Removes all that is detected under `leases`: it is completed by now. */
  async removePages(leases: readonly string[]): Promise<void> {
    if (leases.length > 0) await this.detections.deleteMany({ lease: { $in: [...leases] } });
  }

  /**
   * Takes over pages whose process went away; they are leased until `until`.
   *
   * @param pages how many at most
   * @returns what is in them and not completed, under the new lease; nothing: there is no such page
   */
  async claimAbandoned(lease: string, now: Date, until: Date, pages: number): Promise<Completion[]> {
    const abandoned = { leaseUntil: { $lte: now } };
    for (;;) {
      const found = await this.detections.find(abandoned, { projection: { _id: 1 }, limit: pages }).toArray();
      if (found.length === 0) return [];
      const filter = { ...abandoned, _id: { $in: found.map(({ _id }) => _id) } };
      await this.detections.updateMany(filter, { $set: { lease, leaseUntil: until } });
      const claimed = (await this.detections.find({ lease }).toArray()).flatMap(completionsOf);
      const completed = await this.completedOf(claimed);
      await this.remove(completed);
      const left = claimed.filter((one) => !completed.includes(one));
      if (left.length > 0) return left; // else others were faster, or only the tidying up was missing
    }
  }

  /** @returns a completion that is detected and perhaps not completed; undefined when the organization has none such */
  async find(organizationId: string, completionId: string): Promise<Completion | undefined> {
    const page = await this.detections.findOne({ 'completions._id': completionId });
    const found = page && completionsOf(page).find(({ _id }) => _id === completionId);
    return found?.organizationId === organizationId ? found : undefined;
  }

  /** @returns what is detected of a session, and perhaps not completed */
  async ofSession(organizationId: string, sessionId: string): Promise<Completion[]> {
    const own = { organizationId, sessionId };
    const pages = await this.detections.find({ completions: { $elemMatch: own } }).toArray();
    return pages
      .flatMap(completionsOf)
      .filter((one) => one.organizationId === organizationId && one.sessionId === sessionId);
  }

  /** How many sessions that are detected and not completed owe a destination something. */
  async countFor(destination: string): Promise<number> {
    const owing = await this.detections
      .aggregate<{ _id: string }>([
        { $unwind: '$completions' },
        { $match: { 'completions.destinations': destination } },
        { $project: { _id: '$completions._id' } },
      ])
      .toArray();
    return owing.length - (await this.completedOf(owing)).length;
  }

  private async heldOf(ids: string[]): Promise<Set<string>> {
    const pages = await this.detections
      .find({ 'completions._id': { $in: ids } }, { projection: { 'completions._id': 1 } })
      .toArray();
    return new Set(pages.flatMap(({ completions }) => completions.map(({ _id }) => _id)));
  }

  /** @returns those that are completed already */
  private async completedOf<T extends Pick<Completion, '_id'>>(detected: readonly T[]): Promise<T[]> {
    const completions = this.database.connection.collection<Completion>('completions');
    const ids = detected.map(({ _id }) => _id);
    const found = await completions.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const completed = new Set(found.map(({ _id }) => _id));
    return detected.filter(({ _id }) => completed.has(_id));
  }
}

function detectedOf(completion: Completion): DetectedCompletion {
  return {
    _id: completion._id,
    sessionId: completion.sessionId,
    revision: completion.revision,
    organizationId: completion.organizationId,
    tenantId: completion.tenantId,
    rule: completion.rule,
    thresholdSeconds: completion.thresholdSeconds,
    lastInteraction: completion.lastInteraction,
    detectedAt: completion.detectedAt,
    destinations: completion.deliveries.map(({ destination }) => destination),
    leftOut: completion.leftOut,
  };
}

/** What is on a page, as it is now: its lease may have passed to another since. */
export function completionsOf({ lease, leaseUntil, completions }: Detection): Completion[] {
  return completions.map(({ destinations, ...detected }: DetectedCompletion & Partial<Completion>) => ({
    ...detected,
    state: 'detected',
    open: true,
    lease,
    leaseUntil,
    // 0006-detections and replicas of before 2026-11-25 write whole deliveries
    deliveries: detected.deliveries ?? destinations.map(newDelivery),
  }));
}
