import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DueAlarm } from '../../completions/due-alarm.js';
import { channelOf } from '../../completions/delivery.js';
import { Config } from '../../config/config.js';
import { Circuits } from './circuits.js';
import { Lane, type LaneJob, type Running, type Waiting } from './lane.js';

const SWEEP_MS = 250;
/** Slow attempts under way, as a multiple of DELIVERY_CONCURRENCY, before slow lanes start no more. */
const SLOW_FACTOR = 4;
/** Every so many starts a retry goes first, so that a stream of first attempts does not starve them. */
const RETRY_EVERY = 8;
/** What waits longer is rejected and left to the retry workers; first attempts much sooner where the lane is stuck. */
const MAX_WAIT_MS = 10_000;
const MAX_WAIT_WHEN_STUCK_MS = 1_000;

/**
 * Runs attempts within the limits: so many at once over all destinations, so many for each. What came first starts
 * first, past lanes that are full, so that a session's deliveries finish together. It does not know the database: what
 * it cannot start soon it rejects.
 */
@Injectable()
export class Dispatcher implements OnModuleDestroy {
  private readonly lanes = new Map<string, Lane>();
  /** Lanes with something waiting: those with first attempts, those with retries. */
  private readonly withWaiting: [first: Set<Lane>, retries: Set<Lane>] = [new Set(), new Set()];
  private readonly waitingCount: [first: number, retries: number] = [0, 0];
  private readonly waitingAlone: LaneJob[] = [];
  private arrivals = 0;
  private starts = 0;
  private fast = 0;
  private slow = 0;
  private aloneRunning = false;
  private stopped = false;
  private readonly timer = setInterval(() => this.sweep(), SWEEP_MS).unref();

  constructor(
    private readonly config: Config,
    private readonly circuits: Circuits,
    private readonly alarm: DueAlarm,
  ) {}

  onModuleDestroy(): void {
    this.stop();
  }

  /** Attempts under way. */
  get inFlight(): number {
    return this.fast + this.slow;
  }

  /** First attempts that wait for their turn. */
  get waitingFirst(): number {
    return this.waitingCount[0];
  }

  /** How many deliveries of a destination to claim now. */
  room(destination: string): number {
    return this.stopped ? 0 : this.lane(destination).room;
  }

  /** Sets the retry worker's alarm once the destination has room again. */
  wakeWhenRoom(destination: string): void {
    this.lane(destination).wantsMore = true;
  }

  /** @returns whether a first attempt would be started soon; false: leave it to the retry workers */
  accepts(destination: string): boolean {
    return !this.stopped && this.lane(destination).takesFirst;
  }

  submit(job: LaneJob): void {
    if (this.stopped) return job.reject();
    if (job.alone) {
      this.waitingAlone.push(job);
    } else {
      const lane = this.lane(job.destination);
      const kind = job.first ? 0 : 1;
      lane.waiting[kind].push({ job, since: Date.now(), order: this.arrivals++ });
      this.waitingCount[kind]++;
      this.withWaiting[kind].add(lane);
    }
    this.pump();
  }

  /** Starts nothing more and rejects what waits. What runs, runs on. */
  stop(): void {
    clearInterval(this.timer);
    this.stopped = true;
    for (const lane of this.lanes.values()) this.rejectWaiting(lane, () => true);
    this.waitingAlone.splice(0).forEach((job) => job.reject());
  }

  private pump(): void {
    if (this.startAlone()) return;
    while (this.fast < this.config.deliveryConcurrency) {
      const next = this.nextJob();
      if (!next) return;
      this.start(next.lane, next.job);
    }
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
    for (const lane of this.withWaiting[kind]) {
      const sooner = !first || lane.waiting[kind][0]!.order < first.waiting[kind][0]!.order;
      if (sooner && this.mayStart(lane)) first = lane;
    }
    if (!first) return undefined;
    const { job } = first.waiting[kind].shift()!;
    this.waitingCount[kind]--;
    if (first.waiting[kind].length === 0) this.withWaiting[kind].delete(first);
    return { lane: first, job };
  }

  private mayStart(lane: Lane): boolean {
    return !lane.isFull && (lane.slow === 0 || this.slow < this.config.deliveryConcurrency * SLOW_FACTOR);
  }

  private start(lane: Lane, job: LaneJob): void {
    const running = lane.begin();
    if (running.slow) this.slow++;
    else this.fast++;
    this.starts++;
    void this.run(lane, job, running);
  }

  private async run(lane: Lane, job: LaneJob, running: Running): Promise<void> {
    try {
      await job.run();
    } finally {
      lane.finished(running);
      if (running.slow) this.slow--;
      else this.fast--;
      if (job.alone) this.aloneRunning = false;
      if (lane.circuit.state === 'open') this.rejectWaiting(lane, () => true);
      this.pump();
      this.wakeIfRoom(lane);
    }
  }

  private wakeIfRoom(lane: Lane): void {
    if (!lane.wantsMore || this.stopped || lane.room === 0) return;
    lane.wantsMore = false;
    this.alarm.setForNow();
  }

  private sweep(): void {
    const now = Date.now();
    for (const lane of this.lanes.values()) {
      const slowed = lane.markSlow();
      this.fast -= slowed;
      this.slow += slowed;
      const open = lane.circuit.state === 'open';
      const maxFirstMs = lane.isStuck ? MAX_WAIT_WHEN_STUCK_MS : MAX_WAIT_MS;
      this.rejectWaiting(lane, ({ since, job }) => open || now - since >= (job.first ? maxFirstMs : MAX_WAIT_MS));
      if (lane.isForgettable) this.forget(lane);
    }
    this.pump();
  }

  /** Drops a lane and its circuit, so that memory holds only the destinations that have something to do. */
  private forget(lane: Lane): void {
    this.lanes.delete(lane.destination);
    this.circuits.forget(lane.destination);
  }

  private rejectWaiting(lane: Lane, when: (waiting: Waiting) => boolean): void {
    for (const kind of [0, 1] as const) {
      const leaving = lane.waiting[kind].filter(when);
      if (leaving.length === 0) continue;
      lane.waiting[kind] = lane.waiting[kind].filter((waiting) => !when(waiting));
      this.waitingCount[kind] -= leaving.length;
      if (lane.waiting[kind].length === 0) this.withWaiting[kind].delete(lane);
      leaving.forEach((waiting) => waiting.job.reject());
    }
  }

  private lane(destination: string): Lane {
    let lane = this.lanes.get(destination);
    if (!lane) {
      lane = new Lane(destination, this.fullLimit(destination), this.circuits);
      this.lanes.set(destination, lane);
    }
    return lane;
  }

  private fullLimit(destination: string): number {
    switch (channelOf(destination)) {
      case 'flow':
      case 'surveys':
        return this.config.flowTriggerConcurrency;
      case 'analysis':
        return this.config.analysisConcurrency;
      default:
        return this.config.destinationConcurrency;
    }
  }
}
