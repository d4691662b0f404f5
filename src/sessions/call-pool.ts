/** A call that runs longer leaves the pool, so that a hanging tenant does not keep the others waiting. */
const SLOW_AFTER_MS = 1_000;
/** Calls outside the pool at a time; what is slow beyond that keeps its place in the pool. */
const MAX_SLOW = 64;

/** A call that runs. */
interface Running {
  /** Has run for longer than SLOW_AFTER_MS. */
  late: boolean;
  /** No longer counts against the limit. */
  outside: boolean;
  leftPool: () => void;
}

/** Runs so many calls at a time, the first come first; slow ones beside them. */
export class CallPool {
  private inside = 0;
  private outside = 0;
  private readonly running = new Set<Running>();
  private readonly waiting: (() => void)[] = [];

  /** @param limit calls at a time; may be changed */
  constructor(public limit: number) {}

  /**
   * Waits for its turn and makes the call.
   *
   * @param leftPool called when the call has become a slow one
   */
  async run<T>(call: () => Promise<T>, leftPool: () => void): Promise<T> {
    if (this.inside < this.limit) this.inside++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve)); // the call that ended has taken the place for it
    const running: Running = { late: false, outside: false, leftPool };
    this.running.add(running);
    const timer = setTimeout(() => {
      running.late = true;
      this.letSlowOut();
    }, SLOW_AFTER_MS);
    try {
      return await call();
    } finally {
      clearTimeout(timer);
      this.running.delete(running);
      if (running.outside) this.outside--;
      else this.inside--;
      this.letSlowOut();
    }
  }

  private letSlowOut(): void {
    for (const running of this.running) {
      if (this.outside >= MAX_SLOW) break;
      if (!running.late || running.outside) continue;
      running.outside = true;
      this.outside++;
      this.inside--;
      running.leftPool();
    }
    this.startWaiting();
  }

  private startWaiting(): void {
    for (let next; this.inside < this.limit && (next = this.waiting.shift());) {
      this.inside++;
      next();
    }
  }
}
