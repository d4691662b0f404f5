import type { Circuit } from './circuit.js';

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

export interface Running {
  startedAt: number;
  /** Counts against its own lane only, no longer against all. */
  slow: boolean;
}

export interface Waiting {
  job: LaneJob;
  since: number;
  /** Counts up over all lanes: who came first. */
  order: number;
}

/** Mean duration above which a destination's attempts do not count against the limit over all destinations. */
const SLOW_MEAN_MS = 500;
/** An attempt that runs longer no longer counts against that limit: a hanging destination costs itself only. */
export const SLOW_AFTER_MS = 1_000;
/** A lane takes as many first attempts as it serves in this time at its mean duration. */
const TAKE_FOR_MS = 2_000;
const UNKNOWN_MEAN_MS = 50;
/** The mean is over about this many attempts. */
const MEAN_OVER = 16;

/** One destination's queue in memory: what runs, what waits, how long its attempts take. */
export class Lane {
  /** It had no room for all that is due: the retry worker wants to know when it has some again. */
  wantsMore = false;
  readonly running = new Set<Running>();
  /** How many of the running ones are slow. */
  slow = 0;
  waiting: [first: Waiting[], retries: Waiting[]] = [[], []];
  /** How long an attempt takes: a running mean in milliseconds. */
  private meanMs = UNKNOWN_MEAN_MS;

  /**
   * @param fullLimit how many attempts it may have under way while its circuit is closed and ramped up
   * @param circuits the circuit breakers, asked for this destination's state
   */
  constructor(
    readonly destination: string,
    private readonly fullLimit: number,
    private readonly circuits: { of(destination: string): Readonly<Circuit> },
  ) {}

  get circuit(): Readonly<Circuit> {
    return this.circuits.of(this.destination);
  }

  /** How many attempts it may have under way now. */
  get limit(): number {
    return Math.min(this.circuit.limit, this.fullLimit);
  }

  get isFull(): boolean {
    return this.running.size >= this.limit;
  }

  /** Its latest attempts took long. */
  get isSlow(): boolean {
    return this.meanMs >= SLOW_MEAN_MS;
  }

  /** Full, and with an attempt that has been running for long: nothing started now would finish soon. */
  get isStuck(): boolean {
    const longAgo = Date.now() - SLOW_AFTER_MS;
    return this.isFull && [...this.running].some((one) => one.startedAt <= longAgo);
  }

  /** Whether a first attempt would be started soon. */
  get takesFirst(): boolean {
    if (this.circuit.state !== 'closed' || this.isStuck) return false;
    // with no failures the limit doubles with each success: what it soon will be counts
    const limit = this.circuit.failures > 0 ? this.limit : this.fullLimit;
    return this.waiting[0].length < (limit * TAKE_FOR_MS) / Math.max(this.meanMs, 1);
  }

  /**
   * How many deliveries to claim for it: as many as may run, and as many again to wait for their turn. 0 while less
   * than half of that is free, so that deliveries are claimed in batches.
   */
  get room(): number {
    if (this.circuit.state === 'open' || this.isStuck) return 0;
    const capacity = this.circuit.state === 'probing' ? 1 : 2 * this.limit;
    const free = capacity - this.running.size - this.waiting[0].length - this.waiting[1].length;
    return 2 * free >= capacity ? free : 0;
  }

  /** It has nothing to do, and there is nothing about it to remember. */
  get isForgettable(): boolean {
    const idle = this.running.size === 0 && this.waiting.every((list) => list.length === 0);
    return idle && !this.isSlow && this.circuit.state === 'closed' && this.circuit.failures === 0;
  }

  begin(): Running {
    const running: Running = { startedAt: Date.now(), slow: this.isSlow };
    this.running.add(running);
    if (running.slow) this.slow++;
    return running;
  }

  finished(running: Running): void {
    this.running.delete(running);
    if (running.slow) this.slow--;
    this.meanMs += (Date.now() - running.startedAt - this.meanMs) / MEAN_OVER;
  }

  /** Marks what has been running for long. @returns how many have become slow since the last time */
  markSlow(): number {
    const longAgo = Date.now() - SLOW_AFTER_MS;
    const slowed = [...this.running].filter((one) => !one.slow && one.startedAt <= longAgo);
    for (const one of slowed) one.slow = true;
    this.slow += slowed.length;
    return slowed.length;
  }
}
