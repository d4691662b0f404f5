import { Injectable } from '@nestjs/common';
import type { Model, UpdateQuery } from 'mongoose';
import { Database } from '../persistence/database.js';
import type { Pipeline } from '../platform/core/pipeline.dto.js';
import { type Training, trainingSchema } from './training.schema.js';

export interface NewTraining {
  startedAt: Date;
  pollUntil: Date;
  failures: number;
}

/** The collection `trainings`: one document per pipeline. Ends are written only to the training that they are of. */
@Injectable()
export class TrainingRepository {
  private readonly model: Model<Training>;

  constructor(database: Database) {
    this.model = database.connection.model<Training>('Training', trainingSchema);
  }

  async find(pipelineId: string): Promise<Training | undefined> {
    return (await this.model.findById(pipelineId).lean<Training>()) ?? undefined;
  }

  /** @returns what is known of these pipelines, every training under way, and every failed one whose backoff is over */
  relevant(pipelineIds: readonly string[], now: Date): Promise<Training[]> {
    const due = { state: 'failed' as const, nextAttemptAt: { $lte: now } };
    const filter = { $or: [{ _id: { $in: [...pipelineIds] } }, { state: 'training' as const }, due] };
    return this.model.find(filter).lean<Training[]>();
  }

  /**
   * Writes down that the pipeline will be trained, before anyone is asked to: what a crash leaves is followed up.
   *
   * @returns undefined when a training of it is under way
   */
  async begin(pipeline: Pipeline, { startedAt, pollUntil, failures }: NewTraining): Promise<Training | undefined> {
    const { id, ...facts } = factsOf(pipeline);
    const fresh: Omit<Training, '_id'> = { ...facts, state: 'training', startedAt, pollUntil, failures };
    try {
      return await this.model
        .findOneAndReplace({ _id: id, state: { $ne: 'training' } }, fresh, { upsert: true, returnDocument: 'after' })
        .lean<Training>();
    } catch (error) {
      if ((error as { code?: unknown }).code === 11000) return undefined;
      throw error;
    }
  }

  /** The request to train is over. */
  async noteAsked(training: Training, askedAt: Date): Promise<void> {
    await this.update(training, { $set: { askedAt } });
  }

  async noteTrained(training: Training, pipelineUpdatedAt: Date | undefined, finishedAt: Date): Promise<void> {
    const end = { state: 'trained' as const, failures: 0, finishedAt, ...(pipelineUpdatedAt && { pipelineUpdatedAt }) };
    await this.update(training, { $set: end });
  }

  async noteFailed(
    training: Training,
    end: Required<Pick<Training, 'failures' | 'nextAttemptAt' | 'lastError' | 'finishedAt'>>,
    pipelineUpdatedAt: Date | undefined,
  ): Promise<void> {
    const failed = { state: 'failed' as const, ...end, ...(pipelineUpdatedAt && { pipelineUpdatedAt }) };
    await this.update(training, { $set: failed });
  }

  /** Takes a training back, as if it had not been begun. */
  async remove({ _id, startedAt }: Training): Promise<void> {
    await this.model.deleteOne({ _id, startedAt });
  }

  async forget(pipelineIds: readonly string[]): Promise<void> {
    if (pipelineIds.length > 0)
      await this.model.deleteMany({ _id: { $in: [...pipelineIds] }, state: { $ne: 'training' } });
  }

  private async update({ _id, startedAt }: Training, change: UpdateQuery<Training>): Promise<void> {
    await this.model.updateOne({ _id, startedAt, state: 'training' }, change);
  }
}

function factsOf(pipeline: Pipeline) {
  const { id, name, nlpService, trainingGroup, status, lastTrainedAt, updatedAt, tenantRef, organizationRef } =
    pipeline;
  return {
    id,
    ...(name && { name }),
    ...(tenantRef && { tenantId: tenantRef }),
    ...(organizationRef && { organizationId: organizationRef }),
    ...(nlpService && { nlpService }),
    ...(trainingGroup && { trainingGroup }),
    statusBefore: status ?? 'UNKNOWN',
    ...(lastTrainedAt && { lastTrainedAtBefore: lastTrainedAt }),
    ...(updatedAt && { pipelineUpdatedAt: updatedAt }),
  };
}
