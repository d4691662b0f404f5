import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { Database } from '../persistence/database.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { PlatformError } from '../platform/platform-error.js';
import { UsageCaps } from '../usage-caps/usage-caps.js';
import { Backpressure } from './backpressure.js';
import { CheckAlerts } from './check-alerts.js';
import type { CheckFigures } from './check-figures.js';
import { CheckHistory } from './check-history.js';
import type { CheckRecord } from './check-record.schema.js';
import { pauseAfter } from './check-pause.js';
import { Recovery } from './recovery.js';
import { type CheckScope, SessionCheck } from './session-check.service.js';
import { TenantFilterError } from './session-lists.js';
import { TenantProblems } from './tenant-problems.js';

const CHECK = 'session-check';
const RECOVERY = 'recovery';
/** Between checks an abandoned session is taken over within this time after its lease has passed. */
const RECOVERY_EVERY_MS = 30_000;
const STOP_WITHIN_MS = 3_000;

/**
 * The cron shell: runs the session check again and again, every interval from start to start, and never two at once in
 * one process.
 */
@Injectable()
export class SessionCheckScheduler implements OnApplicationBootstrap, OnModuleDestroy {
  /** When the last successful check ended. */
  lastFinishedAt?: Date;
  /** Whether the latest check failed as a whole. */
  failing = false;
  /** Whether the latest check stopped, or did not begin, because too many deliveries wait. */
  paused = false;

  private readonly logger = new Logger(SessionCheckScheduler.name);
  private running?: { trigger: CheckRecord['trigger']; figures: Promise<CheckFigures | undefined> };
  private stopped = false;
  /** A check is to begin as soon as the one that runs has ended. */
  private anew = false;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly registry: SchedulerRegistry,
    private readonly check: SessionCheck,
    private readonly recovery: Recovery,
    private readonly alerts: CheckAlerts,
    private readonly history: CheckHistory,
    private readonly problems: TenantProblems,
    private readonly usageCaps: UsageCaps,
    private readonly heartbeat: Heartbeat,
    private readonly pressure: Backpressure,
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
    this.check.stop(); // by its own hook it would hear of it when this one has waited
    await Promise.race([this.running?.figures, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
  }

  /**
   * Runs a check now, or joins one of the same kind that is running. One on demand asks for every tenant, a scheduled one
   * for this replica's: it waits for the other kind to end.
   *
   * @returns its figures; undefined when it failed
   */
  async runNow(trigger: CheckRecord['trigger'] = 'on-demand'): Promise<CheckFigures | undefined> {
    while (this.running && this.running.trigger !== trigger) await this.running.figures;
    if (!this.running) {
      const figures = this.runAndRemember(trigger).finally(() => {
        this.running = undefined;
        if (this.anew) this.runAnew();
      });
      this.running = { trigger, figures };
    }
    return this.running.figures;
  }

  /**
   * Has a check begin at once, or when the one that runs has ended: that one may leave out what has become this process's
   * share. Does nothing while the job is switched off.
   */
  runAnew(): void {
    if (this.config.sessionCheckIntervalMs === 0) return;
    this.anew = true;
    if (!this.running) this.schedule(CHECK, 0, () => this.checkAndGoOn());
  }

  private async runAndRemember(trigger: CheckRecord['trigger']): Promise<CheckFigures | undefined> {
    this.anew = false;
    const startedAt = new Date();
    const started = performance.now();
    const { figures, reason } = await this.runOnce(trigger === 'schedule' ? 'share' : 'all');
    const durationMs = Math.round(performance.now() - started);
    const result = figures ? { outcome: 'finished' as const, figures } : { outcome: 'failed' as const, reason };
    const problems = this.problems.list();
    const instance = this.heartbeat.name;
    const backlog = this.pressure.takeAtStart();
    await this.history.add({ startedAt, durationMs, trigger, instance, problems, ...backlog, ...result });
    if (figures) await this.usageCaps.run();
    return figures;
  }

  private async runOnce(scope: CheckScope): Promise<{ figures?: CheckFigures; reason?: string }> {
    this.alerts.began();
    try {
      const figures = await this.check.run(scope);
      this.failing = false;
      this.paused = figures.paused;
      this.lastFinishedAt = new Date();
      void this.alerts.finished(); // a mail that is noted late delays no check
      return { figures };
    } catch (error) {
      this.failing = true;
      void this.alerts.failed(error);
      const { name, message } = error as Error;
      this.logger.error({ reason: message }, 'session-check.failed');
      return { reason: isTellable(error) ? message : name };
    }
  }

  private async checkAndGoOn(): Promise<void> {
    const started = performance.now();
    const figures = await this.runNow('schedule').catch((error: Error) => {
      this.logger.error({ reason: error.message }, 'session-check.failed');
      return undefined;
    });
    const check = figures && { ...figures, durationMs: performance.now() - started };
    const pause = this.anew ? 0 : pauseAfter(check, this.config.sessionCheckIntervalMs);
    this.schedule(CHECK, pause, () => this.checkAndGoOn());
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

/** Its message names a service, a route and a kind of failure, and nothing else. */
function isTellable(error: unknown): boolean {
  return error instanceof PlatformError || error instanceof TenantFilterError;
}
