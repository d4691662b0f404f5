import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { integrationIdOf } from '../completions/delivery.js';
import { Redelivery } from '../completions/redelivery.js';
import { RedeliveryRepository } from '../completions/redelivery.repository.js';
import type { RedeliveryRequest } from '../completions/redelivery.schema.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { Database } from '../persistence/database.js';
import { JobLease } from '../persistence/job-lease.js';

/** How often a process looks for requests that others have left. */
const LOOK_EVERY_MS = 30_000;
/** A step makes as many due as are sent in this time. */
const STEP_EVERY_MS = 4_000;
/** A timer may be early by a little. */
const EARLY_MS = 50;
const LEASE_MS = 15_000;
const AT_ONCE = 100;
/** A request that fails is tried again, but not for longer than this. */
const GIVE_UP_AFTER_MS = 86_400_000;

/**
 * Works off the requests to send deliveries again, each in steps, by one process at a time: another one goes on where a
 * process ended.
 */
@Injectable()
export class RedeliveryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RedeliveryWorker.name);
  private timer?: NodeJS.Timeout;
  private running?: Promise<boolean>;
  private again = false;
  /** When the next step of each of this process's requests may be made; monotonic, in milliseconds. */
  private readonly nextStepAt = new Map<string, number>();
  /** Since when each step of a request has failed; monotonic, in milliseconds. */
  private readonly failingSince = new Map<string, number>();
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly lease: JobLease,
    private readonly requests: RedeliveryRepository,
    private readonly redelivery: Redelivery,
    private readonly integrations: IntegrationRepository,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.wake());
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Looks for requests at once: one was just added. */
  wake(): void {
    this.again = true;
    if (!this.running) void this.goOn();
  }

  /** @returns the webhooks among these whose integration is enabled, and all that are no webhooks */
  async mayBeSent(destinations: readonly string[]): Promise<ReadonlySet<string>> {
    const ids = destinations.flatMap((destination) => integrationIdOf(destination) ?? []);
    const found = await this.integrations.findByIds(ids);
    const enabled = new Set(found.filter((one) => one.enabled).map(({ id }) => id));
    const isSent = (id: number | undefined) => id === undefined || enabled.has(id);
    return new Set(destinations.filter((destination) => isSent(integrationIdOf(destination))));
  }

  private async goOn(): Promise<void> {
    clearTimeout(this.timer);
    let busy = false;
    while (this.again && !this.stopped) {
      this.again = false;
      this.running = this.stepAll();
      busy = await this.running;
    }
    this.running = undefined;
    if (this.stopped) return;
    this.timer = setTimeout(() => this.wake(), busy ? STEP_EVERY_MS : LOOK_EVERY_MS).unref();
  }

  /** @returns whether one of this process's is not done */
  private async stepAll(): Promise<boolean> {
    try {
      let busy = false;
      for (const request of await this.requests.running(AT_ONCE)) {
        if (this.stopped) break;
        if (!(await this.lease.take(leaseOf(request), LEASE_MS))) continue;
        busy = !(await this.stepInTime(request)) || busy;
      }
      return busy;
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'redelivery.not-looked-for');
      return true;
    }
  }

  /** A request that is added wakes the worker before the others' next steps are due. @returns whether it is done */
  private async stepInTime(request: RedeliveryRequest): Promise<boolean> {
    const now = performance.now();
    if (now < (this.nextStepAt.get(request._id) ?? 0) - EARLY_MS) return false;
    this.nextStepAt.set(request._id, now + STEP_EVERY_MS);
    const isDone = await this.step(request);
    if (isDone) this.nextStepAt.delete(request._id);
    return isDone;
  }

  /** @returns whether it is done */
  private async step(request: RedeliveryRequest): Promise<boolean> {
    const { _id: redeliveryId } = request;
    try {
      const position = await this.redelivery.step(request, (destinations) => this.mayBeSent(destinations));
      this.failingSince.delete(redeliveryId);
      if (position) {
        await this.requests.update(redeliveryId, { position });
        return false;
      }
      await this.requests.update(redeliveryId, { state: 'done' });
      this.logger.log({ redeliveryId }, 'redelivery.done');
    } catch (error) {
      const reason = (error as Error).message;
      this.logger.warn({ redeliveryId, reason }, 'redelivery.failed');
      const now = performance.now();
      const since = this.failingSince.get(redeliveryId) ?? now;
      this.failingSince.set(redeliveryId, since);
      if (now - since < GIVE_UP_AFTER_MS) return false;
      await this.requests.update(redeliveryId, { state: 'failed', reason: 'it failed for a day, see the log' });
    }
    this.failingSince.delete(redeliveryId);
    await this.lease.release(leaseOf(request));
    return true;
  }
}

function leaseOf({ _id }: RedeliveryRequest): string {
  return `redelivery:${_id}`;
}
