import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Config } from '../config/config.js';
import { Database } from '../persistence/database.js';
import { PlatformError } from '../platform/platform-error.js';
import { PipelineCheckService } from './pipeline-check.service.js';

const TIMEOUT = 'pipeline-check';

/**
 * Runs the pipeline check when the database is ready (an earlier process may have left trainings under way), and then
 * NLP_PIPELINE_CHECK_INTERVAL_IN_MINS after the end of each run. 0 switches it off.
 */
@Injectable()
export class PipelineCheckScheduler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PipelineCheckScheduler.name);
  private stopped = false;

  constructor(
    @Inject(PipelineCheckService) private readonly checks: { run(): Promise<unknown> },
    private readonly registry: SchedulerRegistry,
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.pipelineCheckIntervalMs === 0) return;
    void this.database.whenReady().then(() => this.schedule(0));
  }

  onModuleDestroy(): void {
    this.stopped = true;
    this.unschedule();
  }

  private schedule(ms: number): void {
    this.unschedule();
    if (this.stopped) return;
    this.registry.addTimeout(
      TIMEOUT,
      setTimeout(() => void this.runAndSchedule(), ms),
    );
  }

  private async runAndSchedule(): Promise<void> {
    try {
      await this.checks.run();
    } catch (error) {
      const code = error instanceof PlatformError ? error.code : (error as Error).name;
      this.logger.error({ code }, 'pipeline-check.failed');
    }
    this.schedule(this.config.pipelineCheckIntervalMs);
  }

  private unschedule(): void {
    if (this.registry.doesExist('timeout', TIMEOUT)) this.registry.deleteTimeout(TIMEOUT);
  }
}
