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
/** The only route that says in its query for which tenant it asks. */
const LISTS = 'GET /chat-sessions';

/** What a simulated server was asked: the last requests, and counters over all of them. */
export class RequestJournal {
  readonly entries: JournalEntry[] = [];
  private readonly counters = new Map<string, number>();
  private readonly asked = new Map<string, number>();
  private readonly lists = new Map<string, number>();
  private readonly gauges = new Map<string, { now: number; peak: number }>();

  begin(entry: JournalEntry, keep: boolean): void {
    this.add(entry.route);
    increase(this.asked, entry.route);
    if (keep) this.keep(entry);
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

  /** Every route that was called, and how often. */
  get calls(): Record<string, number> {
    return Object.fromEntries(this.asked);
  }

  /** How many session lists were asked for, by `tenantId`; those without one under `''`. */
  get listsByTenant(): ReadonlyMap<string, number> {
    return this.lists;
  }

  peak(route: string): number {
    return this.gauges.get(route)?.peak ?? 0;
  }

  reset(): void {
    for (const counts of [this.counters, this.asked, this.lists]) counts.clear();
    this.gauges.clear();
    this.entries.length = 0;
  }

  private keep(entry: JournalEntry): void {
    this.entries.push(entry);
    if (entry.route === LISTS) increase(this.lists, new URLSearchParams(entry.query).get('tenantId') ?? '');
  }

  private add(key: string): void {
    increase(this.counters, key);
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
