import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClaimedDelivery, CompletionRepository } from '../completions/completion.repository.js';
import { channelOf, integrationIdOf } from '../completions/delivery.js';
import { DestinationRepository } from '../completions/destination.repository.js';
import type { Destination } from '../completions/destination.schema.js';
import { DueAlarm } from '../completions/due-alarm.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { PresentIntegrations } from '../integrations/present-integrations.js';
import { Config } from '../config/config.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { CoreClient } from '../platform/core/core.client.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import { inNoTrace } from '../tracing/tracing.js';
import { AttemptRunner } from './attempt-runner.js';
import { BodyCache } from './body-cache.js';
import type { Attempt } from './channels/delivery-channel.js';
import { type AttemptOrigin, DeliveryJob } from './delivery-job.js';
import { Circuits } from './dispatch/circuits.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { PayloadSource } from './payload-source.js';
import { mustRunAlone } from './poison.js';
import { PoisonJob } from './poison-job.js';

const AFTER_ERROR_MS = 1_000;
const DESTINATIONS_AT_ONCE = 500;
/** Served side by side: a claim mostly waits for the database. */
const SIDE_BY_SIDE = 8;
/** Of thousands that hang each costs several database commands: those that answer must not wait until all had a turn. */
const SLOW_AT_ONCE = 32;
const SLOW_AGAIN_MS = 100;

/**
 * Delivers what was not delivered at first: claims what is due, destination by destination, never more than the
 * destination's lane has room for, and has it attempted. Waits until the alarm goes off or five seconds have passed:
 * the poll finds what other replicas left.
 */
@Injectable()
export class RetryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RetryWorker.name);
  private stopped = false;
  private working?: Promise<void>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly heartbeat: Heartbeat,
    private readonly alarm: DueAlarm,
    private readonly completions: CompletionRepository,
    private readonly destinations: DestinationRepository,
    private readonly circuits: Circuits,
    private readonly dispatcher: Dispatcher,
    private readonly runner: AttemptRunner,
    private readonly writer: OutcomeWriter,
    private readonly integrations: IntegrationRepository,
    private readonly present: PresentIntegrations,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly budget: MemoryBudget,
    private readonly bodies: BodyCache,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      if (this.stopped) return;
      this.working = this.work();
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.alarm.stop();
    await this.working;
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      this.alarm.reset();
      try {
        await this.round();
      } catch (error) {
        this.logger.warn({ reason: (error as Error).message }, 'retry-worker.round-failed');
        await delay(AFTER_ERROR_MS, undefined, { ref: false });
      }
      await this.alarm.wait();
    }
  }

  /** All destinations with work, page by page. Those whose lane is known to have no room are left out of the pages. */
  private async round(): Promise<void> {
    const now = new Date(this.clock.now());
    const services = await this.destinations.openServices();
    const channels = services.filter(({ openUntil }) => openUntil! > now).map(({ _id }) => channelOf(_id));
    const seen = this.dispatcher.withoutRoom();
    for (let page; page === undefined || page.length === DESTINATIONS_AT_ONCE;) {
      page = await this.destinations.withWork(now, DESTINATIONS_AT_ONCE, { destinations: seen, channels });
      if (!(await this.serveAll(page, services))) return;
      seen.push(...page.map(({ _id }) => _id));
    }
  }

  /** In an order of its own, or all replicas would go for the same destinations. @returns whether to go on */
  private async serveAll(page: readonly Destination[], services: readonly Destination[]): Promise<boolean> {
    const left = this.withFewSlow(shuffled(page)).values();
    let goOn = true;
    const work = async () => {
      for (const destination of left) {
        goOn &&= !this.stopped && (await this.heartbeat.confirmed());
        if (!goOn) return;
        await this.serve(destination, services);
      }
    };
    const workers = await Promise.allSettled(Array.from({ length: Math.min(SIDE_BY_SIDE, page.length) }, work));
    for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
    return goOn;
  }

  /** Those that are left out have their turn a little later. */
  private withFewSlow(page: readonly Destination[]): Destination[] {
    const slow = page.filter(({ _id }) => this.dispatcher.isSlow(_id));
    if (slow.length <= SLOW_AT_ONCE) return [...page];
    this.alarm.setFor(new Date(this.clock.now() + SLOW_AGAIN_MS));
    const leftOut = new Set(slow.slice(SLOW_AT_ONCE));
    return page.filter((destination) => !leftOut.has(destination));
  }

  private async serve(destination: Destination, services: readonly Destination[]): Promise<void> {
    const { _id } = destination;
    const until = new Date(this.clock.now() + this.leaseMs);
    if (!(await this.circuits.admit(destination, until, services))) return;
    // a probe may be asked for because the URL is another one, which this process is not to learn five seconds later
    if (this.circuits.of(_id).state === 'probing') this.present.lookAgain();
    const limit = this.dispatcher.room(_id);
    if (limit === 0) return this.dispatcher.wakeWhenRoom(_id);
    const claim = { token: this.heartbeat.token(), now: new Date(this.clock.now()), until, limit };
    const claimed = await this.completions.claimDue(_id, claim, Math.random);
    if (claimed.length > 0) this.submit(claimed, claim, await this.integrationOf(_id));
    else this.circuits.releaseProbe(_id);
    if (claimed.length === limit) this.dispatcher.wakeWhenRoom(_id);
    // Fewer than there was room for: that is all there is for now, unless replicas took some of the candidates.
    else await this.updateNextDue(destination);
  }

  private async updateNextDue(destination: Destination): Promise<void> {
    const next = await this.completions.earliestDue(destination._id);
    await this.destinations.setNextDue(destination, next);
    if (next) this.alarm.setFor(next);
  }

  private submit(
    claimed: readonly ClaimedDelivery[],
    { token, until }: { token: string; until: Date },
    integration: Integration | undefined,
  ): void {
    const origin: AttemptOrigin = {
      first: false,
      tie: inNoTrace,
      settled: ({ session, source }, delivery) => {
        this.bodies.note(session._id, delivery, source.bodyInMemory);
        source.close();
        this.writer.settle(session._id, token, delivery);
      },
    };
    for (const { completion, delivery } of claimed) {
      const kept = { budget: this.budget, body: this.bodies.get(completion._id) };
      const source = new PayloadSource(completion, this.core, this.tenants, kept);
      const attempt: Attempt = { session: completion, delivery, source, integration, leaseUntil: until };
      const job = new DeliveryJob(attempt, origin, this.runner);
      const begin = () => this.beginAlone(attempt, token);
      this.dispatcher.submit(mustRunAlone(delivery) ? new PoisonJob(job, begin, this.writer) : job);
    }
  }

  /**
   * Written before it runs: only what really ran when the process ended is to blame, not what waited beside it. The
   * outcomes of what ran before are written first: they are not to be lost with it.
   */
  private async beginAlone({ session, delivery }: Attempt, token: string): Promise<boolean> {
    try {
      await this.writer.flush();
      return await this.completions.beginAlone(session._id, delivery.destination, token);
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'retry-worker.lone-run-not-noted');
      return false;
    }
  }

  /** For its health, read once for the deliveries claimed together; where a webhook goes each attempt asks itself. */
  private async integrationOf(destination: string): Promise<Integration | undefined> {
    const id = integrationIdOf(destination);
    return id === undefined ? undefined : ((await this.integrations.findById(id)) ?? undefined);
  }

  private get leaseMs(): number {
    return 2 * this.config.longestAttemptMs + 10_000;
  }
}

/** A copy in random order (Fisher and Yates). */
function shuffled<T>(items: readonly T[]): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
