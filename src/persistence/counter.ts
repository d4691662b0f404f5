import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { COUNTER, type CounterDocument } from './counter.schema.js';

/** Numeric ids, as the published REST contract has them. */
@Injectable()
export class Counter {
  constructor(@InjectModel(COUNTER) private readonly counters: Model<CounterDocument>) {}

  /** @returns the next number of the series `name`, counting from 1; never one that was given before */
  async next(name: string): Promise<number> {
    const options = { upsert: true, returnDocument: 'after' } as const;
    const counter = await this.counters
      .findOneAndUpdate({ _id: name }, { $inc: { value: 1 } }, options)
      .lean<CounterDocument>();
    return counter.value;
  }
}
