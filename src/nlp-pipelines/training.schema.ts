import { Schema } from 'mongoose';
import { schemaOptions } from '../persistence/schema-options.js';

/**
 * `training`: asked for, or about to be, and followed until it ends. `trained`, `failed`: how the latest one ended.
 */
export type TrainingState = 'training' | 'trained' | 'failed';

/** The latest training of one pipeline. Ids, names, states and times only: a pipeline's answer holds credentials. */
export interface Training {
  /** The pipeline's id. */
  _id: string;
  name?: string;
  tenantId?: string;
  organizationId?: string;
  nlpService?: string;
  trainingGroup?: string;
  state: TrainingState;
  startedAt: Date;
  /** When the request to train ended. Absent while `training` after a crash: it may never have been sent. */
  askedAt?: Date;
  /** When it counts as failed; a restart does not change it. */
  pollUntil: Date;
  /** The pipeline's status before the training; the first polls may still show it. */
  statusBefore: string;
  lastTrainedAtBefore?: Date;
  /** The pipeline's `updatedAt` as last read; a different one ends the backoff. */
  pipelineUpdatedAt?: Date;
  /** Failures in a row. */
  failures: number;
  /** A failed training is not tried again before. */
  nextAttemptAt?: Date;
  /** `training_failed`, `timed_out`, `never_asked`, or the code of the PlatformError. */
  lastError?: string;
  finishedAt?: Date;
}

export const TRAINING = 'Training';

export const trainingSchema = new Schema<Training>(
  {
    _id: { type: String, required: true },
    name: String,
    tenantId: String,
    organizationId: String,
    nlpService: String,
    trainingGroup: String,
    state: { type: String, required: true },
    startedAt: { type: Date, required: true },
    askedAt: Date,
    pollUntil: { type: Date, required: true },
    statusBefore: { type: String, required: true },
    lastTrainedAtBefore: Date,
    pipelineUpdatedAt: Date,
    failures: { type: Number, required: true },
    nextAttemptAt: Date,
    lastError: String,
    finishedAt: Date,
  },
  { ...schemaOptions, collection: 'trainings' },
);

// TrainingRepository.relevant: trainings under way, and failed ones that may be tried again
trainingSchema.index({ state: 1, nextAttemptAt: 1 }, { name: 'state-due' });
