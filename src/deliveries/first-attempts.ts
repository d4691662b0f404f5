import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Integration } from '../integrations/integration.schema.js';
import { Clock } from '../persistence/clock.js';
import { type HasSurveys, SurveyDirectory } from '../platform/core/survey-directory.js';
import { inThisTrace } from '../tracing/tracing.js';
import { AttemptRunner } from './attempt-runner.js';
import type { Completion, Delivery } from './completion.js';
import { Dispatcher } from './dispatcher.js';
import type { LaneJob } from './lane.js';
import { type DetectedPage, OutcomeWriter } from './outcome-writer.js';
import type { SessionMaterial } from './session-material.js';
import { giveBack } from './settlement.js';

/** An ended session that hbf-core has just been told of, with what the check has in memory. Whoever gets it owns it. */
export interface EndedSession {
  completion: Completion;
  material: SessionMaterial;
}

/** Places for sessions that are read, written down and begun together. */
export interface Places {
  /** Gives back what is beyond `sessions`. */
  keep(sessions: number): void;
  /** Gives back all that is left: sessions that were begun have places of their own. */
  release(): void;
}

/** What sessions that are begun together share. */
interface BegunPage extends DetectedPage {
  completedAt: Date;
  hasSurveys: HasSurveys;
  integrations: ReadonlyMap<number, Integration>;
  attempt(tracked: Tracked, index: number): Promise<void>;
  /** To the lanes. */
  leave(tracked: Tracked, index: number): void;
}

/** A session under way. */
interface Tracked {
  ended: EndedSession;
  page: BegunPage;
  /** As they stand, in the order of the completion's. */
  deliveries: Delivery[];
  /** First attempts that have not come back. */
  pending: number;
  handedOver: boolean;
  /** When the first delivery was attempted, or left to the lanes (ms of this machine): there is something to write. */
  since?: number;
}

/**
 * A session's outcomes are written once, when all first attempts are in; but no later than this after the first of
 * them, so that a slow destination does not keep the others' outcomes unwritten (a crash would send those again). What
 * only waits for its turn is not written before: each write of a part costs as much as one of the whole.
 */
const HAND_OVER_AFTER_MS = 500;
const SWEEP_MS = 50;
/**
 * Sessions under way, from before they are read until their outcomes are handed over: no more than are paid within
 * HAND_OVER_AFTER_MS, or each would be written in parts. But two pages at least, so that one is read and written down
 * while the other is paid. It bounds the memory that transcripts take, too, and what is sent again after a kill. With
 * three pages the garbage collector, which carries along what is under way, takes more than the third one gains.
 */
const SESSIONS_AT_ONCE = 200;
/** First attempts that wait for their turn, before the next page is read. */
const WAITING_AT_ONCE = 1_024;

/** Small, and without closures of its own: hundreds wait, and the garbage collector carries them along. */
class FirstAttempt implements LaneJob {
  constructor(
    readonly destination: string,
    private readonly tracked: Tracked,
    private readonly index: number,
  ) {}

  get first(): boolean {
    return true;
  }

  get alone(): boolean {
    return false;
  }

  run(): Promise<void> {
    return this.tracked.page.attempt(this.tracked, this.index);
  }

  turnAway(): void {
    this.tracked.page.leave(this.tracked, this.index);
  }
}

/** Makes the first attempts at once, with the session that is in memory; what finds no place is left to the lanes. */
@Injectable()
export class FirstAttempts {
  private readonly tracked = new Set<Tracked>();
  /** Sessions that have a place and are not begun yet. */
  private reserved = 0;
  private readonly waitingForPlaces: { sessions: number; give: (places: Places) => void }[] = [];
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly dispatcher: Dispatcher,
    private readonly runner: AttemptRunner,
    private readonly writer: OutcomeWriter,
    private readonly surveys: SurveyDirectory,
  ) {}

  /**
   * Waits until so many sessions have places; first come, first served. Whoever gets them must release them.
   *
   * @param sessions at most SESSION_PAGE_SIZE
   */
  reserve(sessions: number): Promise<Places> {
    return new Promise((give) => {
      this.waitingForPlaces.push({ sessions, give });
      this.proceed();
    });
  }

  /**
   * Begins the first attempts of `sessions`, which have places.
   *
   * @param sessions all that is detected under their lease
   * @param integrations those of their webhooks, by id
   */
  begin(sessions: readonly EndedSession[], integrations: ReadonlyMap<number, Integration>): void {
    const page: BegunPage = {
      left: sessions.length,
      completedAt: new Date(this.clock.now()),
      hasSurveys: this.surveys.freshly(),
      integrations,
      attempt: inThisTrace((tracked, index) => this.attempt(tracked, index)),
      leave: (tracked, index) => this.leave(tracked, index),
    };
    for (const ended of sessions) this.beginOne(ended, page);
  }

  /** Writes down everything as it stands: attempts that still run keep their claim. */
  handOverAll(): void {
    for (const tracked of this.tracked) this.handOver(tracked);
  }

  private beginOne(ended: EndedSession, page: BegunPage): void {
    const { deliveries } = ended.completion;
    ended.completion.completedAt = page.completedAt;
    const tracked: Tracked = {
      ended,
      page,
      deliveries: [...deliveries],
      pending: deliveries.length,
      handedOver: false,
    };
    this.tracked.add(tracked);
    this.timer ??= setInterval(() => this.sweep(), SWEEP_MS);
    deliveries.forEach(({ destination }, index) => {
      if (this.dispatcher.accepts(destination)) this.dispatcher.submit(new FirstAttempt(destination, tracked, index));
      else this.leave(tracked, index);
    });
  }

  private async attempt(tracked: Tracked, index: number): Promise<void> {
    const { completion, material } = tracked.ended;
    const { hasSurveys, integrations } = tracked.page;
    const delivery = completion.deliveries[index]!;
    const attempt = {
      completion,
      delivery,
      material,
      hasSurveys,
      integration: delivery.integrationId === undefined ? undefined : integrations.get(delivery.integrationId),
      // the lease is in the database's time, deadlines of attempts are in this machine's
      deadline: Date.now() + completion.leaseUntil!.getTime() - this.clock.now(),
    };
    this.done(tracked, index, await this.runner.run(attempt));
  }

  private leave(tracked: Tracked, index: number): void {
    this.done(tracked, index, giveBack(tracked.ended.completion.deliveries[index]!, this.clock.now()));
  }

  private done(tracked: Tracked, index: number, delivery: Delivery): void {
    if (tracked.handedOver) {
      const { _id, lease } = tracked.ended.completion;
      this.writer.settle(_id, lease!, delivery);
    } else {
      tracked.deliveries[index] = delivery;
      tracked.since ??= Date.now();
      tracked.pending--;
      if (tracked.pending === 0) this.handOver(tracked);
    }
    this.proceed();
  }

  /** What is not done yet becomes a claim like any other: its lease is the completion's, its token too. */
  private handOver(tracked: Tracked): void {
    const { completion } = tracked.ended;
    const claim = { dueAt: completion.leaseUntil!, token: completion.lease! };
    const deliveries = tracked.deliveries.map((delivery, index) =>
      delivery === completion.deliveries[index] ? { ...delivery, ...claim } : delivery,
    );
    tracked.handedOver = true;
    this.tracked.delete(tracked);
    this.writer.handOver(completion, deliveries, tracked.page.completedAt, tracked.page);
    this.proceed();
  }

  private proceed(): void {
    for (let next; (next = this.waitingForPlaces[0]) && this.hasRoom(next.sessions);) {
      this.waitingForPlaces.shift();
      this.reserved += next.sessions;
      next.give(this.places(next.sessions));
    }
  }

  private places(held: number): Places {
    const giveBackTo = (left: number) => {
      this.reserved -= held - left;
      held = left;
      this.proceed();
    };
    return { keep: (sessions) => giveBackTo(Math.min(held, sessions)), release: () => giveBackTo(0) };
  }

  private hasRoom(sessions: number): boolean {
    const taken = this.tracked.size + this.reserved;
    const atOnce = Math.max(SESSIONS_AT_ONCE, 2 * this.config.sessionPageSize);
    return taken + sessions <= atOnce && this.dispatcher.waitingFirst < WAITING_AT_ONCE;
  }

  private sweep(): void {
    const tooLong = Date.now() - HAND_OVER_AFTER_MS;
    for (const tracked of this.tracked) {
      if (tracked.since !== undefined && tracked.since <= tooLong) this.handOver(tracked);
    }
    if (this.tracked.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
