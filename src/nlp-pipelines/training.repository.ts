import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, UpdateQuery } from 'mongoose';
import { isDuplicateKey } from '../persistence/duplicates.js';
import type { Pipeline } from '../platform/core/pipeline.dto.js';
import { TRAINING, type Training } from './training.schema.js';

export interface NewTraining {
  startedAt: Date;
  pollUntil: Date;
  failures: number;
}

/** The collection `trainings`: one document per pipeline. An end is written only to the training that it belongs to. */
@Injectable()
export class TrainingRepository {
  constructor(@InjectModel(TRAINING) private readonly model: Model<Training>) {}

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
   * Stores that the pipeline will be trained, before hbf-core or hbf-nlp is asked: after a crash it is followed up.
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
      if (isDuplicateKey(error)) return undefined;
      throw error;
    }
  }

  /** Stores when the request to train ended. */
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

  /** Deletes a training, as if it had not begun. */
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
