import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { duplicatesOf } from '../persistence/duplicates.js';
import { nativeCollection } from '../persistence/native-collection.js';
import { INTEGRATION_ERROR, type IntegrationError } from './integration-error.schema.js';

const MAX_LISTED = 1_000;

/** The collection `integration-errors`. */
@Injectable()
export class IntegrationErrorRepository {
  constructor(@InjectModel(INTEGRATION_ERROR) private readonly model: Model<IntegrationError>) {}

  async add(errors: readonly IntegrationError[]): Promise<void> {
    // written by an earlier try of the same batch: it is there already
    await nativeCollection<IntegrationError>(this.model)
      .insertMany([...errors], { ordered: false })
      .catch(duplicatesOf);
  }

  /** @returns at most 1,000, the newest first */
  newest(integrationId: number): Promise<IntegrationError[]> {
    return this.model.find({ integrationId }).sort({ at: -1 }).limit(MAX_LISTED).lean<IntegrationError[]>();
  }

  /** Removes errors from before `before`. @returns how many */
  async purge(before: Date): Promise<number> {
    return (await this.model.deleteMany({ at: { $lt: before } })).deletedCount;
  }
}
