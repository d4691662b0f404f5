import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { type Circuit, closedCircuit } from './circuit.js';

/** A piece of work for one destination. */
export interface LaneJob {
  destination: string;
  /** First attempts go before retries. */
  first: boolean;
  /** It has taken its worker down before: nothing else runs beside it. */
  alone: boolean;
  run(): Promise<void>;
  /** Called instead of `run` when it has waited too long or the process stops. */
  turnAway(): void;
}

interface Running {
  startedAt: number;
  /** Counts against its own lane only, no longer against all. */
  slow: boolean;
}

interface Waiting {
  job: LaneJob;
  since: number;
}

interface Lane {
  destination: string;
  circuit: Circuit;
  running: Set<Running>;
  waiting: [first: Waiting[], retries: Waiting[]];
}

/** An attempt that runs longer gives its place among all up: a hanging destination costs itself only. */
const SLOW_AFTER_MS = 1_000;
/** What finds no place in this time is left to the lanes in the database. A retry was claimed there: it waits longer. */
const PATIENCE_MS = { first: 1_000, retry: 10_000 };
const SWEEP_MS = 250;
/** Slow attempts under way, as a multiple of DELIVERY_CONCURRENCY, before slow lanes start no more. */
const SLOW_FACTOR = 4;
/** Every so many starts a retry goes first, so that a stream of first attempts does not starve them. */
const RETRY_EVERY = 8;

/**
 * Runs attempts within the limits: so many at once over all destinations, so many for each. Lanes take turns. It knows
 * nothing of the database: what it cannot run soon it turns away.
 */
@Injectable()
export class Dispatcher implements OnModuleDestroy {
  private readonly lanes = new Map<string, Lane>();
  /** Lanes with something waiting, in the order of their turns: those with first attempts, those with retries. */
  private readonly turns: [first: Set<Lane>, retries: Set<Lane>] = [new Set(), new Set()];
  private fast = 0;
  private slow = 0;
  private starts = 0;
  private aloneRunning = false;
  private stopped = false;
  private readonly waitingAlone: LaneJob[] = [];
  private readonly timer = setInterval(() => this.sweep(), SWEEP_MS).unref();

  constructor(private readonly config: Config) {}

  onModuleDestroy(): void {
    this.stop();
  }

  /** Attempts under way. */
  get inFlight(): number {
    return this.fast + this.slow;
  }

  circuit(destination: string): Circuit {
    return this.lanes.get(destination)?.circuit ?? closedCircuit();
  }

  setCircuit(destination: string, circuit: Circuit): void {
    const lane = this.lane(destination);
    lane.circuit = circuit;
    if (circuit.state === 'open') this.turnAwayWaiting(lane, () => true);
  }

  /**
   * How many deliveries of a destination to claim now: as many as may run, and as many again to wait for their turn.
   * 0 while less than half of that is free, so that deliveries are claimed in batches.
   */
  room(destination: string): number {
    const lane = this.lane(destination);
    if (this.stopped || lane.circuit.state === 'open' || this.isStuck(lane)) return 0;
    const limit = this.limit(lane);
    const capacity = lane.circuit.state === 'probing' ? 1 : 2 * limit;
    const free = capacity - lane.running.size - lane.waiting[0].length - lane.waiting[1].length;
    return 2 * free >= capacity ? free : 0;
  }

  /** @returns whether a first attempt would be started soon; false: leave it to the lanes in the database */
  accepts(destination: string): boolean {
    if (this.stopped) return false;
    const lane = this.lanes.get(destination);
    return !lane || (lane.circuit.state === 'closed' && !this.isStuck(lane));
  }

  submit(job: LaneJob): void {
    if (this.stopped) return job.turnAway();
    if (job.alone) {
      this.waitingAlone.push(job);
    } else {
      const lane = this.lane(job.destination);
      const kind = job.first ? 0 : 1;
      lane.waiting[kind].push({ job, since: Date.now() });
      this.turns[kind].add(lane);
    }
    this.pump();
  }

  /** Starts nothing more; what waits is turned away. What runs, runs on. */
  stop(): void {
    clearInterval(this.timer);
    this.stopped = true;
    for (const lane of this.lanes.values()) this.turnAwayWaiting(lane, () => true);
    this.waitingAlone.splice(0).forEach((job) => job.turnAway());
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
    const retryTurn = this.starts % RETRY_EVERY === RETRY_EVERY - 1;
    for (const kind of retryTurn ? ([1, 0] as const) : ([0, 1] as const)) {
      for (const lane of this.turns[kind]) {
        if (lane.waiting[kind].length === 0) {
          this.turns[kind].delete(lane);
          continue;
        }
        if (!this.mayStart(lane)) continue;
        const { job } = lane.waiting[kind].shift()!;
        this.turns[kind].delete(lane); // to the end of the row
        if (lane.waiting[kind].length > 0) this.turns[kind].add(lane);
        return { lane, job };
      }
    }
    return undefined;
  }

  private mayStart(lane: Lane): boolean {
    if (lane.running.size >= this.limit(lane)) return false;
    const slowLane = [...lane.running].some((one) => one.slow);
    return !slowLane || this.slow < this.config.deliveryConcurrency * SLOW_FACTOR;
  }

  private start(lane: Lane, job: LaneJob): void {
    const running: Running = { startedAt: Date.now(), slow: false };
    lane.running.add(running);
    this.fast++;
    this.starts++;
    void job.run().finally(() => {
      lane.running.delete(running);
      if (running.slow) this.slow--;
      else this.fast--;
      if (job.alone) this.aloneRunning = false;
      this.pump();
    });
  }

  /** Full, and with an attempt that has been running for long: nothing started now would finish soon. */
  private isStuck(lane: Lane): boolean {
    if (lane.running.size < this.limit(lane)) return false;
    const longAgo = Date.now() - SLOW_AFTER_MS;
    return [...lane.running].some((one) => one.startedAt <= longAgo);
  }

  private sweep(): void {
    const now = Date.now();
    for (const lane of this.lanes.values()) {
      for (const one of lane.running) {
        if (one.slow || now - one.startedAt < SLOW_AFTER_MS) continue;
        one.slow = true;
        this.fast--;
        this.slow++;
      }
      this.turnAwayWaiting(
        lane,
        (waiting) => now - waiting.since >= PATIENCE_MS[waiting.job.first ? 'first' : 'retry'],
      );
      this.forget(lane);
    }
    this.pump();
  }

  private turnAwayWaiting(lane: Lane, when: (waiting: Waiting) => boolean): void {
    for (const kind of [0, 1] as const) {
      const leaving = lane.waiting[kind].filter(when);
      if (leaving.length === 0) continue;
      lane.waiting[kind] = lane.waiting[kind].filter((waiting) => !when(waiting));
      leaving.forEach((waiting) => waiting.job.turnAway());
    }
  }

  /** Lanes that do nothing and about which there is nothing to remember are dropped, or they would pile up. */
  private forget(lane: Lane): void {
    const idle = lane.running.size === 0 && lane.waiting.every((list) => list.length === 0);
    if (idle && lane.circuit.state === 'closed' && lane.circuit.failures === 0) this.lanes.delete(lane.destination);
  }

  private limit({ destination, circuit }: Lane): number {
    if (destination === 'flow') return Math.min(circuit.limit, this.config.flowTriggerConcurrency);
    if (destination === 'analysis') return Math.min(circuit.limit, this.config.analysisConcurrency);
    return Math.min(circuit.limit, this.config.destinationConcurrency);
  }

  private lane(destination: string): Lane {
    let lane = this.lanes.get(destination);
    if (!lane) {
      lane = { destination, circuit: closedCircuit(), running: new Set(), waiting: [[], []] };
      this.lanes.set(destination, lane);
    }
    return lane;
  }
}
