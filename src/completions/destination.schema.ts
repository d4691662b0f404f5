import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/** The model's name, for `@InjectModel`. */
export const DESTINATION = 'Destination';

/**
 * One document per destination that has or lately had something due. Which destinations have work is read from here, not by
 * walking the backlog: a look-up behind 100,000 rows of a hanging destination took 222 ms.
 */
export interface Destination {
  /** The destination's name. */
  _id: string;
  /** Nothing of it is due before; never later than the truth. Absent: nothing is pending. */
  nextDueAt?: Date;
  /** Since when nothing is known to be pending: it is removed some time after. */
  idleSince?: Date;
  /** Counts every change of nextDueAt, so that an outdated `setNextDue` does not undo a newer announcement. */
  version: number;
  /** Present while its circuit is open: no attempt before. While a probe is under way, the end of the right to it. */
  openUntil?: Date;
  /** Consecutive openings of its circuit. */
  openings?: number;
  /** Consecutive failures that some replica knows of: when its circuit opened and of its probes since, else lately. */
  failures?: number;
  /** A probe is under way. */
  probing?: boolean;
  /** Somebody asked for a probe while one was under way: should that fail, the next one goes at once. */
  probeAsked?: boolean;
  /** What replicas found lately, the oldest first; without those that a later one is not smaller than. */
  limits?: FoundLimit[];
}

/** How many attempts at once a destination was found to take, and when, by the database's clock. */
export interface FoundLimit {
  limit: number;
  at: Date;
}

export const destinationSchema = new Schema<Destination>(
  {
    _id: { type: String, required: true },
    nextDueAt: Date,
    idleSince: Date,
    version: { type: Number, required: true },
    openUntil: Date,
    openings: Number,
    failures: Number,
    probing: Boolean,
    probeAsked: Boolean,
    limits: { type: [{ _id: false, limit: Number, at: Date }], default: undefined },
  },
  { ...schemaOptions, collection: 'destinations' },
);

// DestinationRepository.withWork, longestDue and purgeIdle, DestinationList: which have something due, and which nothing
destinationSchema.index({ nextDueAt: 1 }, { name: 'next-due' });
// DestinationRepository.countOpen and DestinationList: there are far more destinations than open circuits
destinationSchema.index(
  { openUntil: 1 },
  { name: 'open-circuits', partialFilterExpression: { openUntil: { $exists: true } } },
);
