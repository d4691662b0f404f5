import { Inject, Injectable, ServiceUnavailableException } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { PipelineCheckService } from '../nlp-pipelines/pipeline-check.service.js';
import { CheckHistory } from '../sessions/check-history.js';
import { CheckProblems } from '../sessions/check-problems.js';
import { SessionCheckScheduler } from '../sessions/session-check.scheduler.js';
import { refuseWithoutCore } from './core-unavailable.js';
import type {
  PipelineCheckRunResource,
  SessionCheckRunResource,
  SessionChecksQuery,
  SessionChecksResource,
} from './operations.dto.js';

/** Nest token: how long a caller waits for figures, milliseconds. Less than proxies wait. */
export const ON_DEMAND_MAX_WAIT_MS = Symbol('ON_DEMAND_MAX_WAIT_MS');

const LATE = Symbol('late');

/** Runs checks on demand. One that takes longer than `maxWaitMs` goes on, and the answer says that it is running. */
@Injectable()
export class OperationsService {
  constructor(
    private readonly scheduler: SessionCheckScheduler,
    private readonly history: CheckHistory,
    private readonly problems: CheckProblems,
    private readonly pipelines: PipelineCheckService,
    @Inject(ON_DEMAND_MAX_WAIT_MS) private readonly maxWaitMs: number,
  ) {}

  /**
   * Runs a session check, or joins the one that is running.
   *
   * @throws ServiceUnavailableException when it failed as a whole
   */
  async runSessionCheck(): Promise<SessionCheckRunResource> {
    const figures = await this.inTime(this.scheduler.runNow());
    if (figures === LATE) return { status: 'running' };
    if (figures) return { status: 'finished', figures };
    throw new ServiceUnavailableException('the session check failed: hbf-core or the database is away; see the log');
  }

  /** @returns checks of the last week, the newest first, and what is wrong with single tenants and sessions now */
  async listSessionChecks({ since, limit }: SessionChecksQuery): Promise<SessionChecksResource> {
    const [items, problems] = await Promise.all([
      this.history.list(limit!, since === undefined ? undefined : new Date(since)),
      this.problems.list(),
    ]);
    return { items, problems };
  }

  /**
   * Runs a pipeline check, or joins the one that is running.
   *
   * @throws ServiceUnavailableException when hbf-core cannot be asked; a database error when the database is away
   */
  async runPipelineCheck(): Promise<PipelineCheckRunResource> {
    const figures = await this.inTime(this.pipelines.run()).catch(refuseWithoutCore);
    return figures === LATE ? { status: 'running' } : { status: 'finished', figures };
  }

  private inTime<T>(work: Promise<T>): Promise<T | typeof LATE> {
    return Promise.race([work, delay(this.maxWaitMs, LATE, { ref: false })]);
  }
}
