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

/** A lane whose attempts take this long is slow: its attempts take no place among all from the start. */
const SLOW_PACE_MS = 500;
/** An attempt that runs longer gives its place among all up: a hanging destination costs itself only. */
export const SLOW_AFTER_MS = 1_000;
/** A lane takes as many first attempts as it serves in this time at its pace. */
const TAKE_FOR_MS = 2_000;
const UNKNOWN_PACE_MS = 50;
/** Of how many attempts the pace is the mean, roughly. */
const PACE_OVER = 16;

/** What is known of one destination in memory: what runs, what waits, how fast it is, whether it is well. */
export class Lane {
  circuit: Circuit = closedCircuit();
  readonly running = new Set<Running>();
  /** How many of the running ones are slow. */
  slow = 0;
  waiting: [first: Waiting[], retries: Waiting[]] = [[], []];
  /** What an attempt takes, lately; a running mean in milliseconds. */
  private paceMs = UNKNOWN_PACE_MS;

  /** @param fullLimit how many attempts it may have under way while it is well */
  constructor(
    readonly destination: string,
    private readonly fullLimit: number,
  ) {}

  /** How many attempts it may have under way now. */
  get limit(): number {
    return Math.min(this.circuit.limit, this.fullLimit);
  }

  get isFull(): boolean {
    return this.running.size >= this.limit;
  }

  /** Its attempts take long, lately. */
  get isSlow(): boolean {
    return this.paceMs >= SLOW_PACE_MS;
  }

  /** Full, and with an attempt that has been running for long: nothing started now would finish soon. */
  get isStuck(): boolean {
    const longAgo = Date.now() - SLOW_AFTER_MS;
    return this.isFull && [...this.running].some((one) => one.startedAt <= longAgo);
  }

  /** Whether a first attempt would be started soon. */
  get takesFirst(): boolean {
    if (this.circuit.state !== 'closed' || this.isStuck) return false;
    // the limit of a lane that is well doubles with each success: what it soon will be counts
    const limit = this.circuit.failures > 0 ? this.limit : this.fullLimit;
    return this.waiting[0].length < (limit * TAKE_FOR_MS) / Math.max(this.paceMs, 1);
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

  /** Does nothing, and there is nothing about it to remember. */
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
    this.paceMs += (Date.now() - running.startedAt - this.paceMs) / PACE_OVER;
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
