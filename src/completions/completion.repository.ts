import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Collection } from 'mongodb';
import type { Model } from 'mongoose';
import { duplicatesOf } from '../persistence/duplicates.js';
import { nativeCollection } from '../persistence/native-collection.js';
import type { Completion } from './completion.js';
import { COMPLETION, DUE_INDEX, HELD_INDEX, UNTRIED_INDEX } from './completion.schema.js';
import type { Claim, Delivery } from './delivery.js';
import { cancelUpdate, claimUpdate, heldBy, releaseUpdate } from './transitions.js';

/** A delivery as it was claimed, with the completion that holds it. */
export interface ClaimedDelivery {
  completion: Completion;
  delivery: Delivery;
}

/** A delivery as it is to be written, where it still is as `only` says. */
export interface DeliveryChange {
  completionId: string;
  delivery: Delivery;
  only: Partial<Pick<Delivery, 'state' | 'attempts'>> & {
    token?: string | null;
    redeliveries?: { $size: number } | { $exists: false };
  };
}

/** No delivery in it is pending any more, and `open` does not say so yet. */
const FINISHED = { open: true, 'deliveries.state': { $ne: 'pending' as const } };
/** A field that a transition took away is undefined in memory, and is not stored. */
const UNORDERED = { ordered: false, ignoreUndefined: true } as const;
/** A delivery has a due time for as long as it is pending. */
const PENDING = { $gt: new Date(0) };

/** The collection `completions`. Every write can be repeated; what must be exclusive is guarded by a token. */
@Injectable()
export class CompletionRepository {
  private readonly completions: Collection<Completion>;

  constructor(@InjectModel(COMPLETION) model: Model<Completion>) {
    this.completions = nativeCollection(model);
  }

  /** @returns those of `ids` that are completed */
  async completedOf(ids: readonly string[]): Promise<Set<string>> {
    const found = await this.completions.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    return new Set(found.map(({ _id }) => _id));
  }

  /** @returns the newest revision of each session, by session id */
  async latestOf(sessionIds: readonly string[]): Promise<Map<string, Completion>> {
    const found = await this.completions
      .find({ sessionId: { $in: [...sessionIds] } })
      .sort({ revision: 1 })
      .toArray();
    return new Map(found.map((completion) => [completion.sessionId, completion]));
  }

  /**
   * Claims what is due of one destination, at most `limit` deliveries. The claim is a lease, taken with one update and
   * then read back by its token. More candidates are read than taken, and shuffled, or replicas would all go for the
   * same ones.
   */
  async claimDue(
    destination: string,
    claim: Claim & { now: Date; limit: number },
    random: () => number,
  ): Promise<ClaimedDelivery[]> {
    const due = { destination, state: 'pending' as const, dueAt: { $lte: claim.now } };
    const isDue = { open: true, deliveries: { $elemMatch: due } };
    const candidates = await this.completions
      .find(isDue, { projection: { _id: 1 }, hint: DUE_INDEX, limit: claim.limit * 2 })
      .toArray();
    if (candidates.length === 0) return [];
    const ids = sample(
      candidates.map(({ _id }) => _id),
      claim.limit,
      random,
    );
    const { update, arrayFilters } = claimUpdate(destination, claim.now, claim);
    await this.completions.updateMany({ ...isDue, _id: { $in: ids } }, update, { arrayFilters });
    const claimed = await this.completions
      .find({ _id: { $in: ids }, deliveries: { $elemMatch: { destination, token: claim.token } } })
      .toArray();
    return claimed.map((completion) => ({
      completion,
      delivery: completion.deliveries.find((delivery) => delivery.destination === destination)!,
    }));
  }

  /** Notes that a claimed delivery runs now, with nothing beside it. @returns false when the claim is another's by now */
  async beginAlone(completionId: string, destination: string, token: string): Promise<boolean> {
    const ours = { _id: completionId, deliveries: { $elemMatch: { destination, token } } };
    return (await this.completions.updateOne(ours, { $inc: { 'deliveries.$.aloneRuns': 1 } })).matchedCount === 1;
  }

  /** @returns when the earliest pending delivery of a destination is due; the index gives the oldest first by itself */
  async earliestDue(destination: string): Promise<Date | undefined> {
    const first = await this.completions.findOne(
      { open: true, deliveries: { $elemMatch: { destination, dueAt: PENDING } } },
      { projection: { deliveries: 1 }, hint: DUE_INDEX },
    );
    return first?.deliveries.find((delivery) => delivery.destination === destination)?.dueAt;
  }

  /** @returns when the earliest pending delivery of each destination is due. Reads every open completion. */
  async earliestDueOfAll(): Promise<Map<string, Date>> {
    const found = this.completions.aggregate<{ _id: string; dueAt: Date }>(
      [
        { $match: { open: true } },
        { $project: { 'deliveries.destination': 1, 'deliveries.dueAt': 1 } },
        { $unwind: '$deliveries' },
        { $match: { 'deliveries.dueAt': PENDING } },
        { $group: { _id: '$deliveries.destination', dueAt: { $min: '$deliveries.dueAt' } } },
      ],
      { hint: DUE_INDEX },
    );
    return new Map((await found.toArray()).map(({ _id, dueAt }) => [_id, dueAt]));
  }

  /**
   * Counts the deliveries of a destination that are pending and were not attempted yet. Read from the index alone: a
   * destination is in a completion once, so each completion counts one.
   *
   * @returns exact up to `limit`, which is the most that is counted
   */
  countUntried(destination: string, limit: number): Promise<number> {
    // the command `count`: countDocuments reads the documents
    return this.completions.count({ 'deliveries.untried': destination }, { hint: UNTRIED_INDEX, limit });
  }

  /**
   * Writes completions after their first attempts.
   *
   * @returns the ids that are there already: another process had taken over their lease, and was faster
   */
  async add(completions: readonly Completion[]): Promise<Set<string>> {
    try {
      await this.completions.insertMany([...completions], UNORDERED);
      return new Set();
    } catch (error) {
      return new Set(duplicatesOf(error).map((index) => completions[index]!._id));
    }
  }

  /** Writes deliveries that still are as each change says. @returns how many were not: another was faster */
  async change(changes: readonly DeliveryChange[]): Promise<number> {
    const operations = changes.map(({ completionId, delivery, only }) => {
      const unchanged = { destination: delivery.destination, ...only };
      const open = delivery.state === 'pending' && { open: true };
      return {
        updateOne: {
          filter: { _id: completionId, deliveries: { $elemMatch: unchanged } },
          update: { $set: { 'deliveries.$': delivery, ...open } },
        },
      };
    });
    const result = await this.completions.bulkWrite(operations, UNORDERED);
    return operations.length - result.matchedCount;
  }

  /** Cancels what is pending of a destination. @returns how many completions had some */
  async cancel(destination: string, reason: string): Promise<number> {
    const pending = { open: true, deliveries: { $elemMatch: { destination, state: 'pending' as const } } };
    const { update, arrayFilters } = cancelUpdate(destination, reason);
    const { modifiedCount } = await this.completions.updateMany(pending, update, { arrayFilters, hint: DUE_INDEX });
    const finished = { ...FINISHED, 'deliveries.destination': destination };
    await this.completions.updateMany(finished, { $set: { open: false } }, { hint: DUE_INDEX });
    return modifiedCount;
  }

  /** @returns completions with a pending delivery that a start of the service has claimed; their deliveries, no more */
  async claimedBy(startId: string, limit: number): Promise<Pick<Completion, '_id' | 'deliveries'>[]> {
    const options = { projection: { deliveries: 1 }, hint: HELD_INDEX, limit };
    return this.completions.find<Pick<Completion, '_id' | 'deliveries'>>(claimedBy(startId), options).toArray();
  }

  /** Makes what a start of the service has claimed of `ids` due now, without its claim; the claims count. */
  async freeClaimsOf(startId: string, ids: readonly string[], now: Date): Promise<void> {
    const { update, arrayFilters } = releaseUpdate(startId, now);
    await this.completions.updateMany({ _id: { $in: [...ids] } }, update, { arrayFilters });
  }

  /** Marks those of `ids` closed in which nothing is pending any more. */
  async closeFinished(ids: readonly string[]): Promise<void> {
    await this.completions.updateMany({ ...FINISHED, _id: { $in: [...ids] } }, { $set: { open: false } });
  }

  /** Closes what a crash left open although nothing in it is pending. @returns how many */
  async closeLeftOpen(): Promise<number> {
    return (await this.completions.updateMany(FINISHED, { $set: { open: false } }, { hint: DUE_INDEX })).modifiedCount;
  }

  /** Removes finished completions that were completed before `before`, at most `limit`. @returns how many */
  async purge(before: Date, limit: number): Promise<number> {
    const old = await this.completions
      .find({ open: false, completedAt: { $lt: before } }, { projection: { _id: 1 }, limit })
      .toArray();
    if (old.length === 0) return 0;
    return (await this.completions.deleteMany({ _id: { $in: old.map(({ _id }) => _id) }, open: false })).deletedCount;
  }
}

/** A cancelled delivery may keep the token of its last attempt: it is not pending, and is left alone. */
function claimedBy(startId: string) {
  const token = heldBy(startId);
  // the dotted path is what the partial index asks for
  return { open: true, 'deliveries.token': token, deliveries: { $elemMatch: { state: 'pending' as const, token } } };
}

function sample<T>(items: T[], size: number, random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items.slice(0, size);
}
