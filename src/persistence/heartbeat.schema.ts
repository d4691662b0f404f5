import { Schema } from 'mongoose';
import { schemaOptions } from './schema-options.js';

/** One start of the service, as the others see it. Times are the database server's. */
export interface Member {
  /** INSTANCE_NAME. */
  name: string;
  startedAt: Date;
  beatAt: Date;
  /** It counts as gone, and what it held is being freed: it may not go on under this start id. */
  gone?: boolean;
}

/** By start id, a uuid: it has no dot and no dollar sign, so that it can stand in the path of an update. */
export type Members = Readonly<Record<string, Member>>;

/** All members in one document: one command writes a beat and reads who else is there. */
export interface HeartbeatsDocument {
  _id: string;
  members: Members;
}

export const HEARTBEATS = 'Heartbeats';

/** Read and written by `_id` only. */
export const heartbeatsSchema = new Schema<HeartbeatsDocument>(
  { _id: { type: String, required: true }, members: { type: Schema.Types.Mixed, required: true } },
  { ...schemaOptions, collection: 'heartbeats' },
);
