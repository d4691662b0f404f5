import { Schema } from 'mongoose';
import { schemaOptions } from './schema-options.js';

/** The latest number of one series of numeric ids. */
export interface CounterDocument {
  /** The series' name. */
  _id: string;
  value: number;
}

export const COUNTER = 'Counter';

/** Read and written by `_id` only. */
export const counterSchema = new Schema<CounterDocument>(
  { _id: { type: String, required: true }, value: { type: Number, required: true } },
  { ...schemaOptions, collection: 'counters' },
);
