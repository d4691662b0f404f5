import { Schema } from 'mongoose';

/**
 * `training` asked for, or about to be, and followed until it ends; `trained` and `failed` how the latest one ended.
 */
export type TrainingState = 'training' | 'trained' | 'failed';

/** The latest training of one pipeline. Ids, names, states and times only: a pipeline's answer holds credentials. */
export interface Training {
  /** The pipeline's. */
  _id: string;
  name?: string;
  tenantId?: string;
  organizationId?: string;
  nlpService?: string;
  trainingGroup?: string;
  state: TrainingState;
  startedAt: Date;
  /** When the request to train was over. Absent while `training`: a crash came first, and it may never have been sent. */
  askedAt?: Date;
  /** When it counts as failed. A restart does not move it. */
  pollUntil: Date;
  /** What the pipeline read before: the first polls may still read it. */
  statusBefore: string;
  lastTrainedAtBefore?: Date;
  /** The pipeline's `updatedAt` as last read; a later one starts the backoff anew. */
  pipelineUpdatedAt?: Date;
  /** In a row. */
  failures: number;
  /** A failed one is not tried again before. */
  nextAttemptAt?: Date;
  /** `training_failed`, `timed_out`, `never_asked`, or the code of the PlatformError. */
  lastError?: string;
  finishedAt?: Date;
}

/** Its index is made in migrations/0003-nlp-pipelines.js. */
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
  {
    collection: 'trainings',
    versionKey: false,
    strict: 'throw',
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
  },
);
