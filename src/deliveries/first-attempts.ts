import { Injectable } from '@nestjs/common';
import {
  completionOf,
  type IntentLease,
  plannedDeliveries,
  type PlannedCompletion,
} from '../completions/completion.js';
import { type Delivery, integrationIdOf } from '../completions/delivery.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { Config } from '../config/config.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import { type HasSurveys, SurveyDirectory } from '../platform/core/survey-directory.js';
import { inThisTrace } from '../tracing/tracing.js';
import { AttemptRunner } from './attempt-runner.js';
import { BodyCache } from './body-cache.js';
import type { Attempt } from './channels/delivery-channel.js';
import { type AttemptOrigin, DeliveryJob } from './delivery-job.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import type { PayloadSource } from './payload-source.js';

/** An ended session that hbf-core has just been told of, and what the bodies of its deliveries are made of. */
export interface SessionInFlight {
  planned: PlannedCompletion;
  source: PayloadSource;
}

/** Room for sessions that are read, and are written down and begun together. */
export interface Permits {
  /** Gives back what is beyond `sessions`. */
  keep(sessions: number): void;
  /** Gives back all that is left: sessions that were begun have permits of their own. */
  release(): void;
}

/** What sessions that are begun together have in common. */
interface Page extends IntentLease {
  completedAt: Date;
  hasSurveys: HasSurveys;
  integrations: ReadonlyMap<number, Integration>;
}

/**
 * A session's outcomes are written once, when all first attempts have one; but no later than this after the first of
 * them, so that a slow destination does not keep the others' outcomes unwritten (after a crash those would be sent
 * again). What only waits for its turn is not written before: writing a part costs as much as writing the whole.
 */
const WRITE_AFTER_MS = 500;
const SWEEP_MS = 50;
/**
 * Sessions under way, from before their intent is written until their outcomes are handed to the writer: no more than
 * are delivered within WRITE_AFTER_MS, or each would be written in parts. But two batches at least, so that one is written
 * down while the other is delivered. It bounds what is sent again after a kill. With three batches the garbage collector,
 * which copies what is under way, takes more time than the third one gains.
 */
const SESSIONS_AT_ONCE = 200;
/** First attempts that wait for their turn, before the next batch is written down. */
const WAITING_AT_ONCE = 1_024;

/** The first attempts of one session. */
class FirstRound implements AttemptOrigin {
  readonly first = true;
  readonly tie = inThisTrace;
  /** As they stand, in the order of the plan: claimed, until their attempt has an outcome; last those cancelled from the start. */
  readonly deliveries: Delivery[];
  /** When the first of them had an outcome or was left to the retry worker (ms of this machine). */
  since?: number;
  private written = false;
  private unsettled: number;

  constructor(
    readonly planned: PlannedCompletion,
    private readonly source: PayloadSource,
    private readonly page: Page,
    private readonly writer: OutcomeWriter,
    private readonly bodies: BodyCache,
    private readonly whenWritten: (round: FirstRound) => void,
    private readonly whenSettled: () => void,
  ) {
    this.deliveries = plannedDeliveries(planned, page);
    this.unsettled = planned.destinations.length;
  }

  settled(_attempt: Pick<Attempt, 'delivery'>, delivery: Delivery): void {
    this.bodies.note(this.planned._id, delivery, this.source.bodyInMemory);
    if (--this.unsettled === 0) this.source.close();
    if (this.written) {
      this.writer.settle(this.planned._id, this.page.lease, delivery);
    } else {
      const index = this.deliveries.findIndex(({ destination }) => destination === delivery.destination);
      this.deliveries[index] = delivery;
      this.since ??= Date.now();
      if (this.unsettled === 0) this.write();
    }
    this.whenSettled();
  }

  /** Writes the session as it stands. A delivery whose attempt still runs keeps its claim, and is settled by it later. */
  write(): void {
    this.written = true;
    this.writer.complete(completionOf(this.planned, this.page.completedAt, this.deliveries), this.page.lease);
    this.whenWritten(this);
  }
}

/** Makes the first attempts at once, with the session that is in memory; what finds no room is left to the retry worker. */
@Injectable()
export class FirstAttempts {
  private readonly rounds = new Set<FirstRound>();
  /** Sessions that have a permit and are not begun yet. */
  private reserved = 0;
  private readonly waitingForPermits: { sessions: number; give: (permits: Permits) => void }[] = [];
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly dispatcher: Dispatcher,
    private readonly runner: AttemptRunner,
    private readonly writer: OutcomeWriter,
    private readonly surveys: SurveyDirectory,
    private readonly bodies: BodyCache,
  ) {}

  /**
   * Waits until so many sessions have permits; first come, first served. The caller must release them.
   *
   * @param sessions at most SESSION_PAGE_SIZE
   */
  reserve(sessions: number): Promise<Permits> {
    return new Promise((give) => {
      this.waitingForPermits.push({ sessions, give });
      this.proceed();
    });
  }

  /**
   * Begins the first attempts of `sessions`, which have permits.
   *
   * @param lease of the intents that hold these sessions
   * @param integrations those of their webhooks, by id
   * @param whole whether the intents hold no others: then they are removed as a whole
   */
  begin(
    lease: IntentLease,
    sessions: readonly SessionInFlight[],
    integrations: ReadonlyMap<number, Integration>,
    { whole }: { whole: boolean },
  ): void {
    const completedAt = new Date(this.clock.now());
    const page: Page = { ...lease, completedAt, hasSurveys: this.surveys.freshly(), integrations };
    if (whole) this.writer.expect(lease.lease, sessions.length);
    for (const session of sessions) this.beginOne(session, page);
  }

  /** Writes everything as it stands: attempts that still run keep their claim. */
  writeAll(): void {
    for (const round of this.rounds) round.write();
  }

  private beginOne({ planned, source }: SessionInFlight, page: Page): void {
    const round = new FirstRound(
      planned,
      source,
      page,
      this.writer,
      this.bodies,
      (written) => this.rounds.delete(written),
      () => this.proceed(),
    );
    this.rounds.add(round);
    this.timer ??= setInterval(() => this.sweep(), SWEEP_MS);
    const { completedAt, hasSurveys, integrations, leaseUntil } = page;
    const session = Object.assign({}, planned, { completedAt });
    for (const delivery of round.deliveries.slice(0, planned.destinations.length)) {
      const integrationId = integrationIdOf(delivery.destination);
      const integration = integrationId === undefined ? undefined : integrations.get(integrationId);
      const attempt: Attempt = { session, delivery, source, hasSurveys, integration, leaseUntil };
      const job = new DeliveryJob(attempt, round, this.runner);
      if (this.dispatcher.accepts(delivery.destination)) this.dispatcher.submit(job);
      else job.reject();
    }
  }

  private proceed(): void {
    for (let next; (next = this.waitingForPermits[0]) && this.hasRoom(next.sessions);) {
      this.waitingForPermits.shift();
      this.reserved += next.sessions;
      next.give(this.permits(next.sessions));
    }
  }

  private permits(held: number): Permits {
    const giveBackTo = (left: number) => {
      this.reserved -= held - left;
      held = left;
      this.proceed();
    };
    return { keep: (sessions) => giveBackTo(Math.min(held, sessions)), release: () => giveBackTo(0) };
  }

  private hasRoom(sessions: number): boolean {
    const taken = this.rounds.size + this.reserved;
    const atOnce = Math.max(SESSIONS_AT_ONCE, 2 * this.config.sessionPageSize);
    return taken + sessions <= atOnce && this.dispatcher.waitingFirst < WAITING_AT_ONCE;
  }

  private sweep(): void {
    const tooLong = Date.now() - WRITE_AFTER_MS;
    for (const round of this.rounds) if (round.since !== undefined && round.since <= tooLong) round.write();
    this.proceed(); // what is written takes no room any more, and no attempt of it may end for long
    if (this.rounds.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
