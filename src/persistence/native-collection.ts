import type { AnyObject, Collection, Model } from 'mongoose';

/**
 * The native driver's collection of a model: `model.collection`, with the type of its documents. Mongoose neither casts
 * nor checks what goes through it. For updates by an aggregation pipeline, for write concerns of their own, and where
 * many documents are read or written at once. Before the first connection its methods throw at once.
 */
export function nativeCollection<T extends AnyObject>({ db, collection }: Model<T>): Collection<T> {
  return db.collection<T>(collection.name); // the connection gives the same object for a name
}
