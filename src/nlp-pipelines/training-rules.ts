import type { Pipeline } from '../platform/core/pipeline.dto.js';
import type { Training } from './training.schema.js';

const HOUR_MS = 3_600_000;
const LONGEST_BACKOFF_MS = 24 * HOUR_MS;

/** How long a pipeline is left alone after its n-th failed training in a row: 1, 2, 4 … 24 hours. */
export function retryDelayMs(failures: number): number {
  return Math.min(HOUR_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
}

/**
 * Whether a pipeline is to be trained now. OUTDATED ones are, unless their last training failed and its backoff has
 * not passed. FAILED ones are only when our own training failed and its backoff has passed. Any other status is left
 * alone: another party may be training the pipeline.
 */
export function needsTraining(pipeline: Pipeline, last: Training | undefined, now: number): boolean {
  const ourFailure = last?.state === 'failed' ? last : undefined;
  if (pipeline.status === 'FAILED') return ourFailure !== undefined && backoffHasPassed(ourFailure, now);
  if (pipeline.status !== 'OUTDATED') return false;
  return !ourFailure || changedSince(pipeline, ourFailure) || backoffHasPassed(ourFailure, now);
}

/** Failures in a row that the next training starts from. Only an OUTDATED pipeline was changed by its owners. */
export function failuresBefore(pipeline: Pipeline, last: Training | undefined): number {
  if (last?.state !== 'failed' || (pipeline.status === 'OUTDATED' && changedSince(pipeline, last))) return 0;
  return last.failures;
}

/** The progress of a training by the pipeline as read; `unmoved`: nothing shows yet that the training has begun. */
export type Progress = 'trained' | 'failed' | 'gone' | 'running' | 'unmoved';

/**
 * READY and FAILED are the end; an unknown status means "not finished". The first reads may still show the status from
 * before the training; then a later `lastTrainedAt` shows that the training was done (and that the pipeline is outdated
 * again, or its status not updated yet).
 */
export function progressOf(pipeline: Pipeline | undefined, training: Training): Progress {
  if (!pipeline) return 'gone';
  if (pipeline.status === 'READY') return 'trained';
  const moved = trainedSince(pipeline, training);
  const asBefore = pipeline.status === training.statusBefore && !moved;
  if (pipeline.status === 'FAILED') return asBefore && !changedSince(pipeline, training) ? 'unmoved' : 'failed';
  if (pipeline.status === 'OUTDATED') return moved ? 'trained' : 'unmoved';
  return 'running';
}

/** Trainings with the same key run one after the other over all replicas; the key names their lease. */
export function serialKey({ id, trainingGroup }: { id: string; trainingGroup?: string }): string {
  return trainingGroup === undefined ? `pipeline:${id}` : `group:${trainingGroup}`;
}

function backoffHasPassed({ nextAttemptAt }: Training, now: number): boolean {
  return (nextAttemptAt?.getTime() ?? 0) <= now;
}

function changedSince({ updatedAt }: Pipeline, { pipelineUpdatedAt }: Training): boolean {
  return updatedAt?.getTime() !== pipelineUpdatedAt?.getTime();
}

function trainedSince({ lastTrainedAt }: Pipeline, { lastTrainedAtBefore }: Training): boolean {
  return (lastTrainedAt?.getTime() ?? 0) > (lastTrainedAtBefore?.getTime() ?? 0);
}
