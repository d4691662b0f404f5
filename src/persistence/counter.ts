import { Injectable } from '@nestjs/common';
import { Database } from './database.js';

/** Numeric ids, as the published REST contract has them. */
@Injectable()
export class Counter {
  constructor(private readonly database: Database) {}

  /** @returns the next number of the series `name`, counting from 1; never one that was given before */
  async next(name: string): Promise<number> {
    const counters = this.database.connection.collection<{ _id: string; value: number }>('counters');
    const counter = await counters.findOneAndUpdate(
      { _id: name },
      { $inc: { value: 1 } },
      { upsert: true, returnDocument: 'after' },
    );
    return counter!.value;
  }
}
