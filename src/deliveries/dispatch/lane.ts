import type { Circuit } from './circuit.js';
import { afterSample, INITIAL_LIMIT, initialLimit, type Sample } from './concurrency-limit.js';
import type { Pool, PoolUse } from './pool.js';

/** A piece of work for one destination. */
export interface LaneJob {
  destination: string;
  /** First attempts go before retries. */
  first: boolean;
  /** A poison delivery, which may end the process: nothing else runs beside it. */
  alone: boolean;
  run(): Promise<void>;
  /** Called instead of `run` when it has waited too long, its circuit opens or the process stops. */
  reject(): void;
}

export interface Running extends PoolUse {
  startedAt: number;
}

export interface Waiting {
  job: LaneJob;
  since: number;
  /** Counts up over all lanes: who came first. */
  order: number;
}

/** Mean duration above which a destination's attempts count as slow from the start. */
const SLOW_MEAN_MS = 500;
/** An attempt that runs longer counts as slow: a hanging destination costs itself only. */
export const SLOW_AFTER_MS = 1_000;
/** As long as nothing is known of the destination, it counts as slow much sooner. */
const UNPROVEN_SLOW_AFTER_MS = 200;
/** A lane takes as many first attempts as it serves in this time at its mean duration. */
const TAKE_FOR_MS = 2_000;
const UNKNOWN_MEAN_MS = 50;
/** The mean is over about this many attempts. */
const MEAN_OVER = 16;
/** What was found out about a destination is kept for so long after its latest attempt; that it is slow, for longer. */
const KEPT_MS = 60_000;
const SLOW_KEPT_MS = 600_000;

/** One destination's queue in memory: what runs, what waits, how long its attempts take, how many it is given at once. */
export class Lane {
  /** It had no room for all that is due: the retry worker wants to know when it has some again. */
  wantsMore = false;
  readonly running = new Set<Running>();
  waiting: [first: Waiting[], retries: Waiting[]] = [[], []];
  /** How many of its waiting first attempts the dispatcher counts as ready. */
  countedReady = 0;
  /** It has answered within a second. */
  isProven = false;
  private concurrency = initialLimit();
  /** How long an attempt takes: a running mean in milliseconds. */
  private meanMs = UNKNOWN_MEAN_MS;
  private usedAt = Date.now();
  private endedAt = -Infinity;

  /**
   * @param tenant whose share of a pool it takes; the destination itself where no tenants share
   * @param maxLimit the most attempts that it is ever given at once
   * @param pools whose limits its attempts count against
   * @param circuits the circuit breakers, asked for this destination's state
   */
  constructor(
    readonly destination: string,
    readonly tenant: string,
    private readonly maxLimit: number,
    readonly pools: readonly Pool[],
    private readonly circuits: { of(destination: string): Readonly<Circuit> },
  ) {}

  get circuit(): Readonly<Circuit> {
    return this.circuits.of(this.destination);
  }

  /** How many attempts it may have under way now. */
  get limit(): number {
    return this.limitBy(this.circuit);
  }

  /** How many attempts at once the destination was found to take. */
  get found(): number {
    return Math.min(Math.floor(this.concurrency.limit), this.maxLimit);
  }

  get isFull(): boolean {
    const { circuit } = this;
    return this.inUse(circuit) >= this.limitBy(circuit);
  }

  /** When its latest attempt ended; now while there is one under way. */
  get lastAttemptAt(): number {
    return this.running.size > 0 ? Date.now() : this.endedAt;
  }

  /** Neither it nor one of its pools is full. */
  get mayStart(): boolean {
    if (this.isFull) return false;
    for (const pool of this.pools) if (!pool.hasRoomFor(this)) return false;
    return true;
  }

  /** Its latest attempts took long. */
  get isSlow(): boolean {
    return this.meanMs >= SLOW_MEAN_MS;
  }

  /** Full, and with an attempt that has been running for long: nothing started now would finish soon. */
  get isStuck(): boolean {
    if (!this.isFull) return false;
    const longAgo = Date.now() - SLOW_AFTER_MS;
    for (const { startedAt } of this.running) if (startedAt <= longAgo) return true;
    return false;
  }

  /** Whether a first attempt would be started soon. */
  get takesFirst(): boolean {
    const { state, failures } = this.circuit;
    if (state !== 'closed' || this.isHeld || this.isStuck) return false;
    // while the limit doubles with each round of answers, what it soon will be counts
    const limit = this.concurrency.doubling && failures === 0 ? this.maxLimit : this.limit;
    return this.waiting[0].length < (limit * TAKE_FOR_MS) / Math.max(this.meanMs, 1);
  }

  /**
   * How many deliveries to claim for it: as many as may run, and as many again to wait for their turn. 0 while less
   * than half of that is free, so that deliveries are claimed in batches.
   */
  get room(): number {
    const { circuit } = this;
    if (circuit.state === 'open' || this.isHeld || this.isStuck) return 0;
    if (this.isSlow && this.pools.some((pool) => pool.isSlowFull)) return 0;
    const capacity = circuit.state === 'probing' ? 1 : 2 * this.limitBy(circuit);
    const free = capacity - this.inUse(circuit) - this.waiting[0].length - this.waiting[1].length;
    return 2 * free >= capacity ? free : 0;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting[0].length === 0 && this.waiting[1].length === 0;
  }

  /** It has had nothing to do for a while, and there is nothing about it to remember. */
  get isForgettable(): boolean {
    const { state, failures } = this.circuit;
    if (!this.isIdle || state !== 'closed' || failures > 0) return false;
    return Date.now() - this.usedAt >= (this.isSlow ? SLOW_KEPT_MS : KEPT_MS);
  }

  begin(): Running {
    const running: Running = { startedAt: Date.now(), slow: this.isSlow, unproven: !this.isProven };
    this.running.add(running);
    for (const pool of this.pools) pool.begin(this.tenant, running);
    return running;
  }

  finished(running: Running): void {
    this.running.delete(running);
    for (const pool of this.pools) pool.end(this.tenant, running);
    this.usedAt = this.endedAt = Date.now();
    const durationMs = this.usedAt - running.startedAt;
    this.meanMs += (durationMs - this.meanMs) / MEAN_OVER;
    if (durationMs < SLOW_AFTER_MS) this.isProven = true;
  }

  /** Takes in what an attempt that is still among the running ones says about how many the destination takes. */
  note(sample: Pick<Sample, 'answer' | 'durationMs' | 'retryAfterMs'>): void {
    const now = Date.now();
    const facts = { ...sample, now, startedAt: now - sample.durationMs, inUse: this.running.size };
    this.concurrency = afterSample(this.concurrency, facts, this.maxLimit);
  }

  /** Begins with one at a time, as after its circuit was open: or the backlog would overload it again. */
  startOver(): void {
    this.concurrency = initialLimit(1);
  }

  /** Lets what has been running for long count as slow. */
  markSlow(): void {
    const now = Date.now();
    for (const one of this.running) {
      const ranMs = now - one.startedAt;
      if (ranMs >= SLOW_AFTER_MS) this.meanMs = Math.max(this.meanMs, SLOW_AFTER_MS);
      if (one.slow || ranMs < (one.unproven ? UNPROVEN_SLOW_AFTER_MS : SLOW_AFTER_MS)) continue;
      for (const pool of this.pools) pool.end(this.tenant, one);
      one.slow = true;
      for (const pool of this.pools) pool.begin(this.tenant, one);
    }
  }

  private limitBy({ state, failures }: Readonly<Circuit>): number {
    if (state === 'open' || this.isHeld) return 0;
    if (state === 'probing') return 1;
    // a few failures in a row may be the beginning of many
    return failures > 0 ? Math.min(this.found, INITIAL_LIMIT) : this.found;
  }

  /** Attempts that count against its limit. A probe does not wait for those that began before: they may hang for long. */
  private inUse({ state, since }: Readonly<Circuit>): number {
    if (state !== 'probing') return this.running.size;
    return [...this.running].filter(({ startedAt }) => startedAt >= since).length;
  }

  private get isHeld(): boolean {
    return this.concurrency.heldUntil > Date.now();
  }
}
