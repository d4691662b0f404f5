import { Injectable } from '@nestjs/common';
import type { AnyBulkWriteOperation, Collection } from 'mongodb';
import { Database } from '../persistence/database.js';
import { duplicatesOf } from '../persistence/duplicates.js';
import type { Completion, Delivery } from './completion.js';

/** A delivery as it was claimed, with the completion that holds it. */
export interface ClaimedDelivery {
  completion: Completion;
  delivery: Delivery;
}

/** Holds every open completion that hbf-core knows of, and only those. */
export const DUE_INDEX = 'deliveries-due';
/** Nothing is owed in it any more, and it does not say so yet. */
const PAID = { open: true, state: 'completed' as const, 'deliveries.state': { $ne: 'owed' as const } };

/** The `completions` collection. Every write can be repeated; what must be exclusive is guarded by a token. */
@Injectable()
export class CompletionRepository {
  constructor(private readonly database: Database) {}

  private get completions(): Collection<Completion> {
    return this.database.connection.collection<Completion>('completions');
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
   * Claims what is due of one destination until `until`, at most `limit` deliveries. The claim is a lease, taken with
   * one update and then read back by its token. More candidates are read than taken, and shuffled, or replicas would
   * all go for the same ones.
   */
  async claimDue(
    destination: string,
    claim: { token: string; now: Date; until: Date; limit: number },
    random: () => number,
  ): Promise<ClaimedDelivery[]> {
    const due = { destination, state: 'owed' as const, dueAt: { $lte: claim.now } };
    const isDue = { open: true, state: 'completed' as const, deliveries: { $elemMatch: due } };
    const candidates = await this.completions
      .find(isDue, { projection: { _id: 1 }, hint: DUE_INDEX, limit: claim.limit * 2 })
      .toArray();
    if (candidates.length === 0) return [];
    const ids = sample(
      candidates.map((candidate) => candidate._id),
      claim.limit,
      random,
    );
    await this.completions.updateMany(
      { ...isDue, _id: { $in: ids } },
      {
        $set: { 'deliveries.$[due].dueAt': claim.until, 'deliveries.$[due].token': claim.token },
        $inc: { 'deliveries.$[due].claims': 1 },
      },
      { arrayFilters: [{ 'due.destination': destination, 'due.state': 'owed', 'due.dueAt': { $lte: claim.now } }] },
    );
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

  /** @returns when the earliest owed delivery of a destination is due; the index gives the oldest first by itself */
  async earliestDue(destination: string): Promise<Date | undefined> {
    const owed = { destination, dueAt: { $gt: new Date(0) } };
    const first = await this.completions.findOne(
      { open: true, state: 'completed', deliveries: { $elemMatch: owed } },
      { projection: { deliveries: 1 }, hint: DUE_INDEX },
    );
    return first?.deliveries.find((delivery) => delivery.destination === destination)?.dueAt;
  }

  /**
   * Writes completions down after their first attempts.
   *
   * @returns the ids that are there already: their lease was another's by then, who was faster
   */
  async add(completed: readonly Completion[]): Promise<Set<string>> {
    try {
      await this.completions.insertMany([...completed], { ordered: false });
      return new Set();
    } catch (error) {
      return new Set(duplicatesOf(error).map((index) => completed[index]!._id));
    }
  }

  /** @returns how many of the operations found nothing to change: their claim was another's by then */
  async write(operations: readonly AnyBulkWriteOperation<Completion>[]): Promise<number> {
    const result = await this.completions.bulkWrite([...operations], { ordered: false });
    return operations.length - result.matchedCount - result.deletedCount;
  }

  /** Marks those of `ids` closed in which nothing is owed any more. */
  async closePaid(ids: readonly string[]): Promise<void> {
    await this.completions.updateMany({ ...PAID, _id: { $in: [...ids] } }, { $set: { open: false } });
  }

  /** Closes what a crash left open although nothing is owed in it. @returns how many */
  async closeLeftOpen(): Promise<number> {
    return (await this.completions.updateMany(PAID, { $set: { open: false } }, { hint: DUE_INDEX })).modifiedCount;
  }

  /** Removes finished completions that were completed before `before`, at most `limit`. @returns how many */
  async purge(before: Date, limit: number): Promise<number> {
    const old = await this.completions
      .find({ open: false, completedAt: { $lt: before } }, { projection: { _id: 1 }, limit })
      .toArray();
    if (old.length === 0) return 0;
    return (await this.completions.deleteMany({ _id: { $in: old.map((one) => one._id) }, open: false })).deletedCount;
  }
}

function sample<T>(items: T[], size: number, random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items.slice(0, size);
}
