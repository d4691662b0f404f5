import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import { inNoTrace } from '../tracing/tracing.js';
import { AttemptRunner, mustRunAlone } from './attempt-runner.js';
import { CircuitBoard } from './circuit-board.js';
import { type ClaimedDelivery, CompletionRepository } from './completion.repository.js';
import { type Destination, DestinationRepository } from './destination.repository.js';
import { Dispatcher } from './dispatcher.js';
import { OutcomeWriter } from './outcome-writer.js';
import { SessionMaterial } from './session-material.js';
import { giveBack } from './settlement.js';

/** How often a replica looks for work that another one left; its own work wakes it at the time it is due. */
const POLL_MS = 5_000;
const AFTER_ERROR_MS = 1_000;
/** Alarms are rounded up to this, so that there are few. */
const ALARM_STEP_MS = 10;
const DESTINATIONS_AT_ONCE = 200;
const WEBHOOK = /^webhook:(\d+)$/;

/**
 * Pays what is owed and was not delivered at first: claims what is due, destination by destination, never more than the
 * destination's lane has room for, and runs it. Sleeps until something is due or five seconds have passed.
 */
@Injectable()
export class Lanes implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Lanes.name);
  private stopped = false;
  private pumping?: Promise<void>;
  /** Times (epoch ms, Clock) at which something falls due before the next poll. */
  private readonly alarms = new Set<number>();
  private wake?: () => void;
  /** Destinations with more due than there was room for: looked at again when one of their attempts has finished. */
  private readonly wanting = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
    private readonly circuits: CircuitBoard,
    private readonly dispatcher: Dispatcher,
    private readonly runner: AttemptRunner,
    private readonly writer: OutcomeWriter,
    private readonly integrations: IntegrationRepository,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
  ) {
    writer.onDue = (at) => this.wakeBy(at.getTime());
    circuits.onOpened = (until) => this.wakeBy(until.getTime());
    dispatcher.onFinished = (destination) => this.refill(destination);
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      if (this.stopped) return;
      this.pumping = this.pump();
      void this.reckonForgotten();
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.wake?.();
    await this.pumping;
  }

  /** Looks again at the given time (epoch ms, Clock), if that is sooner than the next poll. */
  private wakeBy(at: number): void {
    if (at > this.clock.now() + POLL_MS) return;
    this.alarms.add(Math.ceil(at / ALARM_STEP_MS) * ALARM_STEP_MS);
    this.wake?.();
  }

  private async pump(): Promise<void> {
    while (!this.stopped) {
      const now = this.clock.now();
      for (const alarm of this.alarms) if (alarm <= now) this.alarms.delete(alarm);
      try {
        await this.round();
      } catch (error) {
        this.logger.warn({ reason: (error as Error).message }, 'lanes.round-failed');
        await delay(AFTER_ERROR_MS, undefined, { ref: false });
      }
      await this.sleep();
    }
  }

  /** Sleeps until the next alarm, which may be set meanwhile, at most POLL_MS. */
  private async sleep(): Promise<void> {
    const end = this.clock.now() + POLL_MS * (0.8 + 0.4 * Math.random());
    while (!this.stopped) {
      const left = Math.min(end, ...this.alarms) - this.clock.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
  }

  private async round(): Promise<void> {
    const withWork = await this.destinations.withWork(new Date(this.clock.now()), DESTINATIONS_AT_ONCE);
    for (const destination of withWork) {
      if (this.stopped) return;
      await this.serve(destination);
    }
  }

  private async serve(destination: Destination): Promise<void> {
    const until = new Date(this.clock.now() + this.leaseMs);
    if (!(await this.circuits.admit(destination, until))) return;
    const room = this.dispatcher.room(destination._id);
    if (room === 0) {
      this.wanting.add(destination._id);
      return;
    }
    const claim = { token: randomUUID(), now: new Date(this.clock.now()), until, limit: room };
    const claimed = await this.completions.claimDue(destination._id, claim, Math.random);
    if (claimed.length > 0) this.run(claimed, claim.token, await this.integrationOf(destination._id));
    else this.circuits.probeAgain(destination._id);
    if (claimed.length === room) this.wanting.add(destination._id);
    // Fewer than there was room for: that is all there is for now, unless replicas took some of the candidates.
    if (claimed.length < room) await this.reckon(destination);
  }

  /** Once enough of a lane is free again, its next deliveries are claimed together. */
  private refill(destination: string): void {
    if (!this.wanting.has(destination) || this.dispatcher.room(destination) === 0) return;
    this.wanting.delete(destination);
    this.wakeBy(this.clock.now());
  }

  private async reckon(destination: Destination): Promise<void> {
    const next = await this.completions.earliestDue(destination._id);
    await this.destinations.reckoned(destination, next);
    if (next) this.wakeBy(next.getTime());
  }

  /**
   * A process that was killed between writing a delivery's due time and announcing it may have left a destination that
   * no lane looks at. Asked once, at start: that is after each kill.
   */
  private async reckonForgotten(): Promise<void> {
    try {
      for (const destination of await this.destinations.withoutWork()) {
        if (this.stopped) return;
        const next = await this.completions.earliestDue(destination._id);
        if (!next) continue;
        await this.destinations.announce(new Map([[destination._id, next]]));
        this.wakeBy(next.getTime());
      }
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'lanes.not-reckoned');
    }
  }

  private run(claimed: ClaimedDelivery[], token: string, integration: Integration | undefined): void {
    const deadline = Date.now() + this.leaseMs;
    for (const { completion, delivery } of claimed) {
      const settle = (settled: typeof delivery) => {
        this.writer.settle(completion._id, token, settled);
      };
      const turnAway = () => {
        settle(giveBack(delivery, this.clock.now()));
        this.circuits.probeAgain(delivery.destination);
      };
      const material = new SessionMaterial(completion, this.core, this.tenants);
      const alone = mustRunAlone(delivery);
      this.dispatcher.submit({
        destination: delivery.destination,
        first: false,
        alone,
        run: inNoTrace(async () => {
          if (alone && !(await this.beginAlone(completion._id, delivery.destination, token))) return turnAway();
          settle(await this.runner.run({ completion, delivery, material, integration, deadline }));
          if (alone) await this.writer.flush(); // or the next one, if it ends the process, would take this outcome along
        }),
        turnAway,
      });
    }
  }

  /**
   * Written before it runs: only what really ran when the process ended is to blame, not what waited beside it. The
   * outcomes of what ran before are written first: they are not to be lost with it.
   */
  private async beginAlone(completionId: string, destination: string, token: string): Promise<boolean> {
    try {
      await this.writer.flush();
      return await this.completions.beginAlone(completionId, destination, token);
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'lanes.alone-not-noted');
      return false;
    }
  }

  /** Present URL and headers, read once for the deliveries claimed together. */
  private async integrationOf(destination: string): Promise<Integration | undefined> {
    const id = WEBHOOK.exec(destination)?.[1];
    return id === undefined ? undefined : ((await this.integrations.findById(Number(id))) ?? undefined);
  }

  private get leaseMs(): number {
    return 2 * this.runner.longestAttemptMs + 10_000;
  }
}
