/**
 * So many tokens a minute, handed out evenly: it fills at that rate and holds one second's worth (at least one), so that
 * over any minute no more than the rate and one second's worth are given. Times are milliseconds of any one clock.
 */
export class TokenBucket {
  private readonly capacity: number;
  private tokens: number;
  private filledAt?: number;

  /** @param perMinute more than 0 */
  constructor(private readonly perMinute: number) {
    this.capacity = Math.max(1, Math.floor(perMinute / 60));
    this.tokens = this.capacity;
  }

  /** @returns how many of the wanted tokens are given: as many as a full bucket could, or else none */
  take(wanted: number, now: number): number {
    this.fill(now);
    const portion = Math.min(wanted, this.capacity);
    if (this.tokens < portion) return 0;
    this.tokens -= portion;
    return portion;
  }

  /** Takes back tokens that were not used. */
  giveBack(tokens: number): void {
    this.tokens = Math.min(this.capacity, this.tokens + tokens);
  }

  /** @returns milliseconds until `take` of as many gives something, as things stand */
  msUntil(wanted: number, now: number): number {
    this.fill(now);
    const missing = Math.min(wanted, this.capacity) - this.tokens;
    return Math.max(0, Math.ceil((missing * 60_000) / this.perMinute));
  }

  private fill(now: number): void {
    const passed = Math.max(0, now - (this.filledAt ?? now));
    // a sum of many small portions must not stay below the whole for ever
    this.tokens = Math.min(this.capacity, this.tokens + (passed * this.perMinute) / 60_000 + 1e-9);
    this.filledAt = Math.max(now, this.filledAt ?? now);
  }
}
