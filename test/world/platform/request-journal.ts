export interface JournalEntry {
  route: string;
  method: string;
  path: string;
  query: string;
  /** undefined: it was never answered. */
  status: number | undefined;
  at: number;
}

const LIMIT = 20_000;

/** What a simulated server was asked: the last requests, and counters over all of them. */
export class RequestJournal {
  readonly entries: JournalEntry[] = [];
  private readonly counters = new Map<string, number>();
  private readonly gauges = new Map<string, { now: number; peak: number }>();

  begin(entry: JournalEntry, keep: boolean): void {
    this.add(entry.route);
    if (keep) this.entries.push(entry);
    if (this.entries.length > LIMIT) this.entries.splice(0, LIMIT / 2);
  }

  answered(entry: JournalEntry, status: number): void {
    entry.status = status;
    this.add(`${entry.route} ${status}`);
  }

  /** @returns what to call when the request is over */
  enter(route: string): () => void {
    const gauge = this.gauges.get(route) ?? { now: 0, peak: 0 };
    this.gauges.set(route, gauge);
    gauge.peak = Math.max(gauge.peak, ++gauge.now);
    return () => gauge.now--;
  }

  count(route: string, status?: number): number {
    return this.counters.get(status === undefined ? route : `${route} ${status}`) ?? 0;
  }

  peak(route: string): number {
    return this.gauges.get(route)?.peak ?? 0;
  }

  reset(): void {
    this.counters.clear();
    this.gauges.clear();
    this.entries.length = 0;
  }

  private add(key: string): void {
    this.counters.set(key, (this.counters.get(key) ?? 0) + 1);
  }
}
