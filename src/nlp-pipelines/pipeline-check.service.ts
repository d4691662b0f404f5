import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { JobLease } from '../persistence/job-lease.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError } from '../platform/platform-error.js';
import { PipelineTrainer } from './pipeline-trainer.js';
import { TrainingEvents, type TrainingOutcome } from './training-events.js';
import { needsTraining, serialKey } from './training-rules.js';
import { TrainingRepository } from './training.repository.js';

/** The figures of one pipeline check. */
export interface PipelineCheckResult {
  startedAt: Date;
  durationMs: number;
  /** OUTDATED pipelines in tenants with auto-train. */
  outdated: number;
  /** Of these, the ones whose shape is not understood. */
  rejected: number;
  /** Of these, the ones whose last training failed not long enough ago. */
  backingOff: number;
  /** Trainings begun before, by this process or another, that had not ended. */
  unfinished: number;
  /** Not worked on, as another replica holds the lease of the pipeline or of its training group. */
  heldElsewhere: number;
  /** Not finished because of an error of ours or of hbf-core's; the next check tries again. */
  broken: number;
  outcomes: Partial<Record<TrainingOutcome, number>>;
}

interface Work {
  /** Pipeline ids that are trained one after the other, by the key of their lease. */
  series: Map<string, string[]>;
  figures: Pick<PipelineCheckResult, 'outdated' | 'rejected' | 'backingOff' | 'unfinished'>;
}

/** A lease lasts for this many requests for a pipeline's state that hbf-core answers slowly. */
const SLOW_LOOKS = 4;
const LEASE_MARGIN_MS = 15_000;
const STOP_MS = 5_000;

/** Finds the pipelines to train and trains them: several at once, one at a time within a training group. */
@Injectable()
export class PipelineCheckService implements OnModuleDestroy {
  private readonly logger = new Logger(PipelineCheckService.name);
  private readonly stopping = new AbortController();
  private running?: Promise<PipelineCheckResult>;

  constructor(
    private readonly core: CoreClient,
    private readonly trainer: PipelineTrainer,
    private readonly trainings: TrainingRepository,
    private readonly lease: JobLease,
    private readonly events: TrainingEvents,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** Leaves trainings under way as they are: another replica or the next process follows them up. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    // a slow answer of hbf-core must not delay the stop: all that would follow is the release of a lease
    await Promise.race([this.running?.catch(() => undefined), delay(STOP_MS, undefined, { ref: false })]);
  }

  /**
   * One check, from finding the pipelines to the end of the last training. Never two at once: a call during a check gets
   * that check's result.
   *
   * @throws PlatformError when hbf-core's list of outdated pipelines fails; the database's errors
   */
  run(): Promise<PipelineCheckResult> {
    this.running ??= this.check().finally(() => (this.running = undefined));
    return this.running;
  }

  private async check(): Promise<PipelineCheckResult> {
    const startedAt = new Date(this.clock.now());
    const { series, figures } = await this.findWork(startedAt);
    const tally = { heldElsewhere: 0, broken: 0, outcomes: {} };
    const queue = [...series];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next && !this.stopping.signal.aborted; next = queue.shift()) {
        await this.workSeries(next[0], next[1], tally);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.config.pipelineTrainConcurrency, queue.length) }, worker));
    const result = { startedAt, durationMs: this.clock.now() - startedAt.getTime(), ...figures, ...tally };
    this.logger.log(result, 'pipeline-check.finished');
    return result;
  }

  private async findWork(now: Date): Promise<Work> {
    const { items, rejected } = await this.core.listOutdatedPipelines();
    if (rejected.length > 0) this.logger.warn({ rejected }, 'pipelines of an unknown shape are not trained');
    const known = new Map((await this.trainings.relevant(items.map(({ id }) => id), now)).map((one) => [one._id, one])); // prettier-ignore
    const unfinished = [...known.values()].filter(({ state }) => state === 'training');
    const fresh = items.filter(({ id }) => known.get(id)?.state !== 'training');
    const due = fresh.filter((pipeline) => needsTraining(pipeline, known.get(pipeline.id), now.getTime()));
    const listed = new Set(items.map(({ id }) => id));
    const again = [...known.values()].filter(({ _id, state }) => state === 'failed' && !listed.has(_id));
    const retries = await this.stillFailed(new Set(again.map(({ _id }) => _id)));
    const work = [...unfinished.map(({ _id, ...training }) => ({ ...training, id: _id })), ...due, ...retries];
    const figures = { outdated: items.length + rejected.length, rejected: rejected.length };
    const counts = { backingOff: fresh.length - due.length, unfinished: unfinished.length };
    return { series: inSeries(work), figures: { ...figures, ...counts } };
  }

  /** Of our failed trainings whose backoff is over, the pipelines that hbf-core still lists as FAILED. */
  private async stillFailed(ids: ReadonlySet<string>) {
    if (ids.size === 0) return [];
    const { items } = await this.core.listFailedPipelines();
    const found = items.filter(({ id }) => ids.has(id));
    const kept = new Set(found.map(({ id }) => id));
    await this.trainings.forget([...ids].filter((id) => !kept.has(id))); // trained by others, deleted, or without auto-train now
    return found;
  }

  private async workSeries(
    key: string,
    pipelineIds: readonly string[],
    tally: Pick<PipelineCheckResult, 'heldElsewhere' | 'broken' | 'outcomes'>,
  ): Promise<void> {
    const name = `training:${key}`;
    const renew = (): Promise<boolean> => this.lease.take(name, this.leaseMs);
    for (const [index, id] of pipelineIds.entries()) {
      if (this.stopping.signal.aborted) break;
      const outcome = await this.workOne(id, renew);
      if (outcome === 'held') {
        tally.heldElsewhere += pipelineIds.length - index;
        return;
      }
      if (outcome === undefined) tally.broken++;
      else tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
    }
    await this.lease.release(name).catch(() => undefined); // otherwise it ends by its time
  }

  /** @returns undefined when an error occurred */
  private async workOne(
    pipelineId: string,
    renew: () => Promise<boolean>,
  ): Promise<TrainingOutcome | 'held' | undefined> {
    try {
      if (!(await renew())) return 'held';
      const result = await this.trainer.work(pipelineId, { renew, stopping: this.stopping.signal });
      const failed = result.outcome === 'failed' || result.outcome === 'timed-out';
      this.logger[failed ? 'warn' : 'log'](result, 'training.finished');
      this.events.onFinished(result);
      return result.outcome;
    } catch (error) {
      const code = error instanceof PlatformError ? error.code : (error as Error).name;
      this.logger.error({ pipelineId, code }, 'training.broken');
      return undefined;
    }
  }

  private get leaseMs(): number {
    return SLOW_LOOKS * (this.config.requestTimeoutMs + this.config.pipelinePollIntervalMs) + LEASE_MARGIN_MS;
  }
}

function inSeries(work: readonly { id: string; trainingGroup?: string | undefined }[]): Map<string, string[]> {
  const series = new Map<string, string[]>();
  for (const pipeline of work) {
    const key = serialKey(pipeline);
    series.set(key, [...(series.get(key) ?? []), pipeline.id]);
  }
  return series;
}
