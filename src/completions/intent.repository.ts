import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Collection, ObjectId } from 'mongodb';
import type { Model } from 'mongoose';
import { duplicatesOf } from '../persistence/duplicates.js';
import { nativeCollection } from '../persistence/native-collection.js';
import { batchesOf, DELIVERIES_AT_ONCE } from './batches.js';
import type { IntentLease, PlannedCompletion } from './completion.js';
import { CompletionRepository } from './completion.repository.js';
import type { StillMissing } from './missing.js';
import { type Intent, INTENT } from './intent.schema.js';
import { heldBy } from './transitions.js';

/** Sessions in one document: Recovery asks hbf-core for each of them by itself, within one lease. */
const SESSIONS_AT_ONCE = 100;

/** A planned completion with the lease of the intent that holds it. */
export type IntendedCompletion = PlannedCompletion & IntentLease;

/** The collection `intents`. */
@Injectable()
export class IntentRepository {
  private readonly intents: Collection<Intent>;

  constructor(
    @InjectModel(INTENT) model: Model<Intent>,
    private readonly completions: CompletionRepository,
  ) {
    this.intents = nativeCollection(model);
  }

  /**
   * Writes down what is about to be completed, before hbf-core is told. Inserts first and asks `completions` afterwards,
   * then removes what another process has completed meanwhile: asked before, a completion written in between would be
   * missed.
   *
   * @returns the ids that are intended or completed already, and so were not added
   * @throws a database error; some may have been added all the same: they are left to the recovery
   */
  async add(lease: IntentLease, planned: readonly PlannedCompletion[]): Promise<Set<string>> {
    const known = new Set<string>();
    const once = new Map<string, PlannedCompletion>();
    for (const one of planned) {
      if (once.has(one._id)) known.add(one._id);
      else once.set(one._id, one);
    }
    const weightOf = ({ destinations, cancelled = [] }: PlannedCompletion) =>
      Math.max(destinations.length + cancelled.length, DELIVERIES_AT_ONCE / SESSIONS_AT_ONCE);
    for (const batch of batchesOf([...once.values()], weightOf)) {
      for (const id of await this.addOne(lease, batch)) known.add(id);
    }
    const completed = await this.completions.completedOf([...once.keys()].filter((id) => !known.has(id)));
    await this.remove(lease.lease, [...completed]);
    completed.forEach((id) => known.add(id));
    return known;
  }

  /** @returns the ids that another intent holds; the rest was added */
  private async addOne({ lease, leaseUntil }: IntentLease, planned: readonly PlannedCompletion[]): Promise<string[]> {
    const held: string[] = [];
    for (let left = [...planned]; left.length > 0;) {
      try {
        await this.intents.insertMany([{ _id: new ObjectId(), lease, leaseUntil, completions: left }], {
          ignoreUndefined: true,
        });
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

  /** Takes sessions out of the intents of a lease, where that lease is still in force. */
  async remove(lease: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const ours = { lease, 'completions._id': { $in: [...ids] } };
    const others = { $elemMatch: { _id: { $nin: [...ids] } } };
    await this.intents.bulkWrite([
      // whole intents first: two of them that were both emptied would violate the unique index
      { deleteMany: { filter: { ...ours, completions: { $not: others } } } },
      { updateMany: { filter: ours, update: { $pull: { completions: { _id: { $in: [...ids] } } } } } },
    ]);
  }

  /** Removes all intents of `leases`: everything in them is completed by now. */
  async removeAll(leases: readonly string[]): Promise<void> {
    if (leases.length > 0) await this.intents.deleteMany({ lease: { $in: [...leases] } });
  }

  /**
   * Takes over an intent whose process went away, under a new lease.
   *
   * @returns what is in it and not completed; nothing: there is no such intent
   */
  async claimAbandoned({ lease, leaseUntil }: IntentLease, now: Date): Promise<PlannedCompletion[]> {
    for (;;) {
      const intent = await this.intents.findOneAndUpdate(
        { leaseUntil: { $lte: now } },
        { $set: { lease, leaseUntil } },
      );
      if (!intent) return [];
      const completed = await this.completions.completedOf(intent.completions.map(({ _id }) => _id));
      await this.remove(lease, [...completed]);
      const left = intent.completions.filter(({ _id }) => !completed.has(_id));
      if (left.length > 0) return left; // else only its removal was missing
    }
  }

  /**
   * Notes of sessions in the intent of a lease that hbf-core does not know them, and lets the intent be claimed when the
   * first of them is to be asked for again.
   */
  async postpone(lease: string, missing: ReadonlyMap<string, StillMissing>): Promise<void> {
    if (missing.size === 0) return;
    const first = Math.min(...[...missing.values()].map(({ dueAt }) => dueAt.getTime()));
    const notes = [...missing].map(([id, { missing: note }]) => ({
      updateOne: { filter: { lease, 'completions._id': id }, update: { $set: { 'completions.$.missing': note } } },
    }));
    const claimable = { updateMany: { filter: { lease }, update: { $set: { leaseUntil: new Date(first) } } } };
    await this.intents.bulkWrite([...notes, claimable]);
  }

  /** Lets the intents of a lease be claimed from `at` on: nothing of them is under way. */
  async endLease(lease: string, at: Date): Promise<void> {
    await this.intents.updateMany({ lease }, { $set: { leaseUntil: at } });
  }

  /** Ends the leases of a start that is gone: its intents may be taken over. @returns how many */
  async freeOf(startId: string, now: Date): Promise<number> {
    const held = { lease: heldBy(startId), leaseUntil: { $gt: now } };
    return (await this.intents.updateMany(held, { $set: { leaseUntil: now } })).modifiedCount;
  }

  /**
   * @param organizationId undefined: of any organization
   * @returns what is intended and perhaps not completed; undefined when the organization has none such
   */
  async find(organizationId: string | undefined, completionId: string): Promise<IntendedCompletion | undefined> {
    const intent = await this.intents.findOne({ 'completions._id': completionId });
    const found = intent && intendedIn(intent).find(({ _id }) => _id === completionId);
    return organizationId === undefined || found?.organizationId === organizationId ? (found ?? undefined) : undefined;
  }

  /** @returns what is intended of a session, and perhaps not completed */
  async ofSession(organizationId: string, sessionId: string): Promise<IntendedCompletion[]> {
    const own = { organizationId, sessionId };
    const found = await this.intents.find({ completions: { $elemMatch: own } }).toArray();
    return found
      .flatMap(intendedIn)
      .filter((one) => one.organizationId === organizationId && one.sessionId === sessionId);
  }

  /** How many sessions that are intended and not completed have a delivery for the destination. */
  async countFor(destination: string): Promise<number> {
    const found = await this.intents
      .aggregate<{ _id: string }>([
        { $unwind: '$completions' },
        { $match: { 'completions.destinations': destination } },
        { $project: { _id: '$completions._id' } },
      ])
      .toArray();
    return found.length - (await this.completions.completedOf(found.map(({ _id }) => _id))).size;
  }

  private async heldOf(ids: string[]): Promise<Set<string>> {
    const found = await this.intents
      .find({ 'completions._id': { $in: ids } }, { projection: { 'completions._id': 1 } })
      .toArray();
    return new Set(found.flatMap(({ completions }) => completions.map(({ _id }) => _id)));
  }
}

/** What an intent holds, with its lease as it is now: it may have passed to another process since. */
export function intendedIn({ lease, leaseUntil, completions }: Intent): IntendedCompletion[] {
  return completions.map((planned) => ({ ...planned, lease, leaseUntil }));
}
