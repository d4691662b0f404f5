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
  /** Present while its circuit is open: no attempt before. */
  openUntil?: Date;
  /** Consecutive openings of its circuit. */
  openings?: number;
}

export const destinationSchema = new Schema<Destination>(
  {
    _id: { type: String, required: true },
    nextDueAt: Date,
    idleSince: Date,
    version: { type: Number, required: true },
    openUntil: Date,
    openings: Number,
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
