import mongoose from 'mongoose';

const { MongoError, MongoInvalidArgumentError, MongoServerError } = mongoose.mongo;
/** BadValue, FailedToParse, TypeMismatch, DocumentValidationFailure, BSONObjectTooLarge; too large a key, update, insert. */
const ABOUT_A_DOCUMENT: readonly unknown[] = [2, 9, 14, 121, 10334, 17280, 17419, 17420];

/**
 * Whether a write failed for the way to the database, or its state, and not for what was to be written. What the database
 * answers in any other way than about a document (it is shutting down, for instance) decides nothing: it is asked again.
 */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof MongoError) || error instanceof MongoInvalidArgumentError) return false;
  return !(error instanceof MongoServerError) || !ABOUT_A_DOCUMENT.includes(error.code);
}

export interface SplitWrite<T> {
  /** @param again whether some of them may be written already: they were in a write that failed */
  write: (items: readonly T[], again: boolean) => Promise<void>;
  /** One alone that cannot be written. What it throws ends the whole: then it is not this item that is to blame. */
  giveUp: (item: T, error: unknown) => Promise<void>;
}

/**
 * Writes `items` in order, and takes off the list what is dealt with. A write that fails for anything that does not
 * pass is halved until the item that cannot be written stands alone; the others are written.
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
      if (isPassing(error)) throw error;
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
