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
  /** Left to another replica, which is at work on them or on their training group. */
  heldElsewhere: number;
  /** Not looked at for an error of ours or of hbf-core's; the next check does. */
  broken: number;
  outcomes: Partial<Record<TrainingOutcome, number>>;
}

interface Work {
  /** Pipeline ids that are worked on one after the other, by the key of their lease. */
  series: Map<string, string[]>;
  figures: Pick<PipelineCheckResult, 'outdated' | 'rejected' | 'backingOff' | 'unfinished'>;
}

/** A lease outlives this many looks that hbf-core is slow to answer, and their repetitions. */
const SLOW_LOOKS = 4;
const LEASE_MARGIN_MS = 15_000;
const STOP_MS = 5_000;

/** Finds the pipelines that are to be trained, and has them trained: several at once, one at a time within a group. */
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

  /** Trainings under way are left to be followed up, by another replica or after the restart. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    // a look that hbf-core is slow to answer must not hold the stop: all it would still do is release its lease
    await Promise.race([this.running?.catch(() => undefined), delay(STOP_MS, undefined, { ref: false })]);
  }

  /**
   * One check, from finding the pipelines to the end of the last training. Never two at once: called while one runs, it
   * gives that one's result.
   *
   * @throws PlatformError when hbf-core does not tell which pipelines are outdated; the database's errors
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

  /** Of our own failed trainings whose backoff is over, the ones that still are what they were left as. */
  private async stillFailed(ids: ReadonlySet<string>) {
    if (ids.size === 0) return [];
    const { items } = await this.core.listFailedPipelines();
    const found = items.filter(({ id }) => ids.has(id));
    const kept = new Set(found.map(({ id }) => id));
    await this.trainings.forget([...ids].filter((id) => !kept.has(id))); // trained by others, deleted, not automatic
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
    await this.lease.release(name).catch(() => undefined); // it passes by itself
  }

  /** @returns undefined when an error came in between */
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
