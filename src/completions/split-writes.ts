import mongoose from 'mongoose';

const { MongoNetworkError, MongoNotConnectedError, MongoServerSelectionError, MongoTopologyClosedError } =
  mongoose.mongo;
const DATABASE_AWAY = [MongoNetworkError, MongoNotConnectedError, MongoServerSelectionError, MongoTopologyClosedError];
/** What the driver puts on errors that say nothing of the documents: a primary that steps down, a shard that moves. */
const PASSING_LABELS = ['RetryableWriteError', 'TransientTransactionError'];

/** Whether a write failed for the way to the database, or its state, and not for what was to be written. */
export function isDatabaseAway(error: unknown): boolean {
  if (DATABASE_AWAY.some((type) => error instanceof type)) return true;
  return error instanceof mongoose.mongo.MongoError && PASSING_LABELS.some((label) => error.hasErrorLabel(label));
}

export interface SplitWrite<T> {
  /** @param again whether some of them may be written already: they were in a write that failed */
  write: (items: readonly T[], again: boolean) => Promise<void>;
  /** One alone that cannot be written. What it throws ends the whole: then it is not this item that is to blame. */
  giveUp: (item: T, error: unknown) => Promise<void>;
}

/**
 * Writes `items` in order, and takes off the list what is dealt with. A write that fails for anything but the database
 * being away is halved until the item that cannot be written stands alone; the others are written.
 *
 * @throws the error of a database that is away: what is left on the list is not written
 */
export async function writeSplit<T>(items: T[], { write, giveUp }: SplitWrite<T>): Promise<void> {
  let size = items.length;
  let triedBefore = 0;
  while (items.length > 0) {
    const part = items.slice(0, size);
    try {
      await write(part, triedBefore > 0);
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      triedBefore = Math.max(triedBefore, part.length);
      if (part.length > 1) {
        size = Math.ceil(part.length / 2);
        continue;
      }
      await giveUp(part[0]!, error);
      size = items.length;
    }
    items.splice(0, part.length);
    triedBefore = Math.max(0, triedBefore - part.length);
  }
}
