import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { Database } from '../persistence/database.js';
import type { CheckFigures } from './check-figures.js';
import { Recovery } from './recovery.js';
import { SessionCheck } from './session-check.service.js';

const CHECK = 'session-check';
const RECOVERY = 'recovery';
/** Between checks an abandoned session is taken over within this time after its lease has passed. */
const RECOVERY_EVERY_MS = 30_000;
const STOP_WITHIN_MS = 3_000;

/**
 * The cron shell: runs the session check again and again, each time the interval after the END of the previous run, so
 * that there are never two at once in one process.
 */
@Injectable()
export class SessionCheckScheduler implements OnApplicationBootstrap, OnModuleDestroy {
  /** When the last successful check ended. */
  lastFinishedAt?: Date;
  /** Whether the latest check failed as a whole. */
  failing = false;

  private readonly logger = new Logger(SessionCheckScheduler.name);
  private running?: Promise<CheckFigures | undefined>;
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly registry: SchedulerRegistry,
    private readonly check: SessionCheck,
    private readonly recovery: Recovery,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.sessionCheckIntervalMs === 0) return;
    void this.database.whenReady().then(() => {
      this.schedule(CHECK, 0, () => this.checkAndGoOn());
      this.schedule(RECOVERY, RECOVERY_EVERY_MS, () => this.recoverAndGoOn());
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await Promise.race([this.running, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
  }

  /** Runs a check now, or joins the one that is running. @returns its figures; undefined when it failed */
  runNow(): Promise<CheckFigures | undefined> {
    this.running ??= this.runOnce().finally(() => (this.running = undefined));
    return this.running;
  }

  private async runOnce(): Promise<CheckFigures | undefined> {
    try {
      const figures = await this.check.run();
      this.failing = false;
      this.lastFinishedAt = new Date();
      return figures;
    } catch (error) {
      this.failing = true;
      this.logger.error({ reason: (error as Error).message }, 'session-check.failed');
      return undefined;
    }
  }

  private async checkAndGoOn(): Promise<void> {
    await this.runNow();
    this.schedule(CHECK, this.config.sessionCheckIntervalMs, () => this.checkAndGoOn());
  }

  private async recoverAndGoOn(): Promise<void> {
    await this.recovery.run().catch((error: Error) => this.logger.warn({ reason: error.message }, 'recovery.failed'));
    this.schedule(RECOVERY, RECOVERY_EVERY_MS, () => this.recoverAndGoOn());
  }

  private schedule(name: string, ms: number, job: () => Promise<void>): void {
    if (this.stopped) return;
    if (this.registry.doesExist('timeout', name)) this.registry.deleteTimeout(name);
    this.registry.addTimeout(
      name,
      setTimeout(() => void job(), ms),
    );
  }
}
