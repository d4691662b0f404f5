import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { OperatorAlerts } from '../notifications/operator-alerts.js';
import { Clock } from '../persistence/clock.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { Pipeline } from '../platform/core/pipeline.dto.js';
import { NlpClient } from '../platform/nlp/nlp.client.js';
import { PlatformError } from '../platform/platform-error.js';
import type { TrainingOutcome, TrainingResult } from './training-events.js';
import { failuresBefore, needsTraining, type Progress, progressOf, retryDelayMs } from './training-rules.js';
import { TrainingRepository } from './training.repository.js';
import type { Training } from './training.schema.js';

/** The lease under which one pipeline is trained. */
export interface TrainingTurn {
  /** Extends the lease; false when another owner holds it now. */
  renew: () => Promise<boolean>;
  /** Aborted when this process stops; another replica or the next process follows the training up. */
  stopping: AbortSignal;
}

interface End {
  outcome: TrainingOutcome;
  code?: string;
  /** The pipeline's `updatedAt` as last read. */
  updatedAt?: Date;
}

/**
 * Trains one pipeline and follows the training to its end. The training is stored before hbf-core or hbf-nlp is asked,
 * so that a restart follows it up and does not train twice.
 */
@Injectable()
export class PipelineTrainer {
  constructor(
    private readonly core: CoreClient,
    private readonly nlp: NlpClient,
    private readonly trainings: TrainingRepository,
    private readonly alerts: OperatorAlerts,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Reads the pipeline again, as it may have waited long in its series, and trains it or follows up its training.
   *
   * @throws PlatformError when hbf-core does not answer with the pipeline; the database's errors. The next check
   *   continues from what is stored.
   */
  async work(pipelineId: string, turn: TrainingTurn): Promise<TrainingResult> {
    const last = await this.trainings.find(pipelineId);
    if (last?.state === 'training') return this.finish(last, await this.follow(last, turn), true);
    const pipeline = await this.core.getPipeline(pipelineId);
    if (!pipeline) await this.trainings.forget([pipelineId]);
    const training = pipeline && (await this.begin(pipeline, last));
    if (!training) return idle(pipelineId, pipeline ? 'left-alone' : 'gone', pipeline);
    const refusal = await this.ask(training);
    return this.finish(training, refusal ?? (await this.follow(training, turn)), false);
  }

  private async begin(pipeline: Pipeline, last: Training | undefined): Promise<Training | undefined> {
    const now = this.clock.now();
    if (!needsTraining(pipeline, last, now)) return undefined;
    const pollUntil = new Date(now + this.config.pipelinePollTimeoutMs);
    const failures = failuresBefore(pipeline, last);
    return this.trainings.begin(pipeline, { startedAt: new Date(now), pollUntil, failures });
  }

  /** @returns the end, when the training was refused. A time-out is no refusal: the training may have begun. */
  private async ask(training: Training): Promise<End | undefined> {
    const client = training.nlpService === 'HBF_NLP' ? this.nlp : this.core;
    try {
      await client.trainPipeline(training._id);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (error.kind !== 'timeout') return this.refusal(training, error);
    }
    training.askedAt = new Date(this.clock.now());
    await this.trainings.noteAsked(training, training.askedAt);
    return undefined;
  }

  /** A refusal may mean that the pipeline was deleted, or that another party trains it already. */
  private async refusal(training: Training, { code }: PlatformError): Promise<End> {
    const { pipeline, known } = await this.look(training._id);
    if (!known) return { outcome: 'failed', code };
    if (!pipeline) return { outcome: 'gone' };
    const updatedAt = pipeline.updatedAt;
    return pipeline.status === 'TRAINING' ? { outcome: 'left-alone' } : { outcome: 'failed', code, updatedAt };
  }

  /** Reads the pipeline every poll interval until the training ends; the first time at once. */
  private async follow(training: Training, { renew, stopping }: TrainingTurn): Promise<End> {
    let progress: Progress = 'unmoved';
    let updatedAt = training.pipelineUpdatedAt;
    for (;;) {
      if (!(await renew())) return { outcome: 'lost' };
      const { pipeline, known } = await this.look(training._id);
      if (known) progress = progressOf(pipeline, training);
      updatedAt = pipeline?.updatedAt ?? updatedAt;
      if (progress === 'gone' || progress === 'trained') return { outcome: progress, updatedAt };
      if (progress === 'failed') return { outcome: 'failed', code: 'training_failed', updatedAt };
      if (this.clock.now() >= training.pollUntil.getTime()) return { ...this.late(training, progress), updatedAt };
      const waited = await delay(this.config.pipelinePollIntervalMs, true, { signal: stopping }).catch(() => false);
      if (!waited) return { outcome: 'interrupted' };
    }
  }

  /** Without `askedAt`, after a crash, and without a change of the pipeline it was not asked for: no failure. */
  private late(training: Training, progress: Progress): End {
    if (!training.askedAt && progress === 'unmoved') return { outcome: 'unasked' };
    return { outcome: 'timed-out', code: 'timed_out' };
  }

  /** When hbf-core does not answer, the state is unknown: neither an end nor a failure. */
  private async look(id: string): Promise<{ known: boolean; pipeline?: Pipeline }> {
    try {
      const pipeline = await this.core.getPipeline(id);
      return { known: true, ...(pipeline && { pipeline }) };
    } catch (error) {
      if (error instanceof PlatformError) return { known: false };
      throw error;
    }
  }

  private async finish(training: Training, end: End, resumed: boolean): Promise<TrainingResult> {
    const { outcome, updatedAt } = end;
    const now = this.clock.now();
    const durationMs = now - training.startedAt.getTime();
    const result: TrainingResult = { ...factsOf(training), outcome, resumed, durationMs };
    if (outcome === 'failed' || outcome === 'timed-out') {
      return { ...result, ...(await this.fail(training, end.code ?? outcome, updatedAt)) };
    }
    if (outcome === 'trained') await this.trainings.noteTrained(training, updatedAt, new Date(now));
    if (outcome === 'gone' || outcome === 'left-alone') await this.trainings.remove(training);
    if (outcome === 'unasked') await this.trainings.noteFailed(training, nextTime(training, now), updatedAt);
    return result;
  }

  private async fail(training: Training, code: string, updatedAt: Date | undefined) {
    const failures = training.failures + 1;
    const finishedAt = new Date(this.clock.now());
    const nextAttemptAt = new Date(finishedAt.getTime() + retryDelayMs(failures));
    // mailed before it is stored: a crash in between mails twice rather than never, and alerts are throttled
    if (failures === 1) await this.alert(training, code, nextAttemptAt);
    await this.trainings.noteFailed(training, { failures, nextAttemptAt, lastError: code, finishedAt }, updatedAt);
    return { code, failures, nextAttemptAt };
  }

  /** One alert for failures in a row; the log has each of them. */
  private alert(training: Training, code: string, nextAttemptAt: Date): Promise<void> {
    const { pipelineId, name, tenantId, organizationId, nlpService } = factsOf(training);
    return this.alerts.raise({
      kind: 'training-failed',
      key: pipelineId,
      subject: `NLP pipeline "${name ?? pipelineId}" could not be trained`,
      details: {
        pipeline: pipelineId,
        ...(name && { name }),
        ...(tenantId && { tenant: tenantId }),
        ...(organizationId && { organization: organizationId }),
        'trained by': nlpService === 'HBF_NLP' ? 'hbf-nlp' : 'hbf-core',
        reason: code,
        'started at': training.startedAt.toISOString(),
        'next attempt at': nextAttemptAt.toISOString(),
      },
    });
  }
}

function factsOf(training: Training) {
  const { _id: pipelineId, name, tenantId, organizationId, nlpService, trainingGroup } = training;
  return { pipelineId, name, tenantId, organizationId, nlpService, trainingGroup };
}

/** No failure of the pipeline: the next check may train it, and its failures in a row stay as they are. */
function nextTime({ failures }: Training, now: number) {
  const at = new Date(now);
  return { failures, nextAttemptAt: at, lastError: 'never_asked', finishedAt: at };
}

function idle(pipelineId: string, outcome: TrainingOutcome, pipeline?: Pipeline): TrainingResult {
  const { name, tenantRef: tenantId, organizationRef: organizationId, nlpService, trainingGroup } = pipeline ?? {};
  return {
    pipelineId,
    name,
    tenantId,
    organizationId,
    nlpService,
    trainingGroup,
    outcome,
    resumed: false,
    durationMs: 0,
  };
}
