import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type Channel, channelOf } from '../../completions/delivery.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import { Config } from '../../config/config.js';
import { Circuits } from './circuits.js';
import { answerOf } from './concurrency-limit.js';
import { EventLoopDelay } from './event-loop-delay.js';
import { Lane, type LaneJob, type Running, type Waiting } from './lane.js';
import { Pools } from './pool.js';

const SWEEP_MS = 250;
/** Every so many starts a retry goes first, so that a stream of first attempts does not starve them. */
const RETRY_EVERY = 8;
/** What waits longer is rejected and left to the retry workers; first attempts much sooner where the lane is stuck. */
const MAX_WAIT_MS = 10_000;
const MAX_WAIT_WHEN_STUCK_MS = 1_000;
/** An answer says nothing of its receiver where our own event loop was late by this part of its time. */
const OWN_PART = 1 / 4;

/**
 * Runs attempts within the limits: so many at once over all destinations, over those of one of the platform's services,
 * and for each destination as many as it was found to take. What came first starts first, past lanes that are full, so
 * that a session's deliveries finish together. It does not know the database: what it cannot start soon it rejects.
 */
@Injectable()
export class Dispatcher implements OnModuleDestroy {
  private readonly lanes = new Map<string, Lane>();
  /** Lanes that have something waiting and are not full: those with first attempts, those with retries. */
  private readonly ready: [first: Set<Lane>, retries: Set<Lane>] = [new Set(), new Set()];
  /** First attempts of the lanes in `ready[0]`. */
  private readyFirst = 0;
  private readonly waitingAlone: LaneJob[] = [];
  private readonly pools: Pools;
  private arrivals = 0;
  private starts = 0;
  private aloneRunning = false;
  private stopped = false;
  private readonly timer = setInterval(() => this.sweep(), SWEEP_MS).unref();

  constructor(
    private readonly config: Config,
    private readonly circuits: Circuits,
    private readonly alarm: DueAlarm,
    private readonly eventLoop: EventLoopDelay,
  ) {
    this.pools = new Pools(config);
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** Attempts under way. */
  get inFlight(): number {
    return this.pools.all.fast + this.pools.all.slow;
  }

  /** First attempts that wait for others than their own destination, which would take them at once. */
  get waitingFirst(): number {
    return this.readyFirst;
  }

  /** How many attempts at once each destination was found to take that had something to do lately. */
  *limits(): Generator<{ channel: Channel; limit: number }> {
    for (const { destination, found } of this.lanes.values()) yield { channel: channelOf(destination), limit: found };
  }

  /** The lanes of the destinations that had an attempt since then (epoch ms). */
  attemptedSince(since: number): Pick<Lane, 'destination' | 'found' | 'circuit'>[] {
    return [...this.lanes.values()].filter((lane) => lane.lastAttemptAt >= since);
  }

  /** How many deliveries of a destination to claim now. */
  room(destination: string): number {
    return this.stopped ? 0 : this.lane(destination).room;
  }

  /** Sets the retry worker's alarm once the destination has room again. */
  wakeWhenRoom(destination: string): void {
    this.lane(destination).wantsMore = true;
  }

  /** Whether its latest attempts took long, as far as this process knows. */
  isSlow(destination: string): boolean {
    return this.lanes.get(destination)?.isSlow ?? false;
  }

  /** Those known to have more that is due and no room for it; whether an open circuit may probe is asked elsewhere. */
  withoutRoom(): string[] {
    const full = [...this.lanes.values()].filter((lane) => lane.wantsMore && lane.room === 0);
    return full.filter(({ circuit }) => circuit.state !== 'open').map(({ destination }) => destination);
  }

  /** @returns whether a first attempt would be started soon; false: leave it to the retry workers */
  accepts(destination: string): boolean {
    return !this.stopped && this.lane(destination).takesFirst;
  }

  /** Takes in what came of an attempt that is under way: how its destination fares, and how many it takes at once. */
  note(destination: string, result: DeliveryResult, startedAt?: number): void {
    const lane = this.lane(destination);
    const wasClosed = lane.circuit.state === 'closed';
    this.circuits.note(destination, result, startedAt);
    if (!wasClosed || lane.circuit.state !== 'closed') return lane.startOver();
    const answer = answerOf(result);
    if (answer && this.eventLoop.lateMs <= answer.durationMs * OWN_PART) lane.note(answer);
  }

  submit(job: LaneJob): void {
    if (this.stopped) return job.reject();
    if (job.alone) {
      this.waitingAlone.push(job);
    } else {
      const lane = this.lane(job.destination);
      const kind = job.first ? 0 : 1;
      lane.waiting[kind].push({ job, since: Date.now(), order: this.arrivals++ });
      this.refresh(lane);
    }
    this.pump();
  }

  /** Starts nothing more and rejects what waits. What runs, runs on. */
  stop(): void {
    clearInterval(this.timer);
    this.stopped = true;
    for (const lane of this.lanes.values()) this.rejectWaiting(lane, () => true);
    this.waitingAlone.splice(0).forEach((job) => job.reject());
    if (this.inFlight === 0) this.eventLoop.stop();
  }

  private pump(): void {
    if (this.startAlone()) return;
    for (let next; (next = this.nextJob());) this.start(next.lane, next.job);
  }

  /** @returns whether everything else must wait for a job that runs alone */
  private startAlone(): boolean {
    if (this.aloneRunning) return true;
    const job = this.waitingAlone[0];
    if (!job) return false;
    if (this.inFlight > 0) return true; // it waits until the others have finished; none is started meanwhile
    this.waitingAlone.shift();
    this.aloneRunning = true;
    this.start(this.lane(job.destination), job);
    return true;
  }

  private nextJob(): { lane: Lane; job: LaneJob } | undefined {
    const retryFirst = this.starts % RETRY_EVERY === RETRY_EVERY - 1;
    return retryFirst ? (this.oldest(1) ?? this.oldest(0)) : (this.oldest(0) ?? this.oldest(1));
  }

  /** Takes the job that came first among the lanes that may start one. */
  private oldest(kind: 0 | 1): { lane: Lane; job: LaneJob } | undefined {
    let first: Lane | undefined;
    for (const lane of this.ready[kind]) {
      const sooner = !first || lane.waiting[kind][0]!.order < first.waiting[kind][0]!.order;
      if (sooner && lane.mayStart) first = lane;
    }
    return first && { lane: first, job: first.waiting[kind].shift()!.job };
  }

  private start(lane: Lane, job: LaneJob): void {
    if (this.inFlight === 0) this.eventLoop.start();
    const running = lane.begin();
    this.refresh(lane);
    this.starts++;
    void this.run(lane, job, running);
  }

  private async run(lane: Lane, job: LaneJob, running: Running): Promise<void> {
    try {
      await job.run();
    } finally {
      lane.finished(running);
      if (job.alone) this.aloneRunning = false;
      if (lane.circuit.state === 'open') this.rejectWaiting(lane, () => true);
      this.refresh(lane);
      this.pump();
      this.wakeIfRoom(lane);
      if (this.inFlight === 0) this.eventLoop.stop();
    }
  }

  /** Lanes that are full are not looked at until one of their attempts ends, or until the next sweep. */
  private refresh(lane: Lane): void {
    const { isFull, waiting } = lane;
    const first = isFull ? 0 : waiting[0].length;
    const retries = isFull ? 0 : waiting[1].length;
    this.readyFirst += first - lane.countedReady;
    lane.countedReady = first;
    setIn(this.ready[0], lane, first > 0);
    setIn(this.ready[1], lane, retries > 0);
    for (const pool of lane.pools) setIn(pool.ready, lane, first + retries > 0);
  }

  private wakeIfRoom(lane: Lane): void {
    if (!lane.wantsMore || this.stopped || lane.room === 0) return;
    lane.wantsMore = false;
    this.alarm.setForNow();
  }

  private sweep(): void {
    const now = Date.now();
    for (const lane of this.lanes.values()) {
      lane.markSlow();
      const open = lane.circuit.state === 'open';
      const maxFirstMs = lane.isStuck ? MAX_WAIT_WHEN_STUCK_MS : MAX_WAIT_MS;
      this.rejectWaiting(lane, ({ since, job }) => open || now - since >= (job.first ? maxFirstMs : MAX_WAIT_MS));
      this.refresh(lane);
      this.wakeIfRoom(lane);
      if (lane.isForgettable) this.forget(lane);
    }
    this.pump();
  }

  /** Drops a lane and its circuit, so that memory holds only the destinations that had something to do lately. */
  private forget(lane: Lane): void {
    this.lanes.delete(lane.destination);
    this.circuits.forget(lane.destination);
  }

  private rejectWaiting(lane: Lane, when: (waiting: Waiting) => boolean): void {
    for (const kind of [0, 1] as const) {
      const leaving = lane.waiting[kind].filter(when);
      if (leaving.length === 0) continue;
      lane.waiting[kind] = lane.waiting[kind].filter((waiting) => !when(waiting));
      this.refresh(lane);
      leaving.forEach((waiting) => waiting.job.reject());
    }
  }

  private lane(destination: string): Lane {
    let lane = this.lanes.get(destination);
    if (!lane) {
      const channel = channelOf(destination);
      const tenant = destination.slice(channel.length);
      const { maxConcurrencyPerDestination } = this.config;
      lane = new Lane(destination, tenant, maxConcurrencyPerDestination, this.pools.of(channel), this.circuits);
      this.lanes.set(destination, lane);
    }
    return lane;
  }
}

function setIn<T>(set: Set<T>, item: T, isIn: boolean): void {
  if (isIn) set.add(item);
  else set.delete(item);
}
