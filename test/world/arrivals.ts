/** A session and a destination that must hear of it. */
export interface Pair {
  sessionId: string;
  /** `flow`, `analysis` or `webhook:<id>`, as in the completion; each survey is one of its own: `survey:<id>`. */
  destination: string;
}

/** A request that a destination accepted, whether or not its answer reached the service. */
export interface Arrival extends Pair {
  /** Epoch milliseconds. */
  at: number;
  /** Webhooks only. */
  webhookId?: string;
}

/** Sessions of which each destination must hear. */
export type Expected = [destination: string, sessionIds: string[]][];

/** What was expected against what arrived. */
export interface ArrivalsReport {
  /** Pairs that were expected. */
  expected: number;
  /** Those of them that arrived, once or more. */
  arrived: number;
  missing: Pair[];
  /** Arrived although it was not expected. */
  unexpected: Pair[];
  /** Arrivals of expected pairs beyond the first of each: those that have a cause, and the others. */
  duplicates: { explained: number; unexplained: number };
  /** The pairs that `duplicates.unexplained` counts. */
  unexplained: Pair[];
}

export interface ArrivalsOptions {
  /** Keeps each arrival in `list`. False for loads that last: only counts are kept. Default true. */
  keepsList?: boolean;
}

/**
 * The one bookkeeper of the test suites: what each destination must hear of, and what it accepted. It learns the first
 * from the test and the second from receivers and simulators, nothing from the service.
 */
export class Arrivals {
  /** In order of arrival. */
  readonly list: Arrival[] = [];
  keepsList: boolean;
  private readonly expectations = new Map<string, Set<string>>();
  private readonly counts = new Map<string, Map<string, number>>();
  private listener: (arrival: Arrival) => void = () => undefined;
  private differentPairs = 0;

  constructor({ keepsList = true }: ArrivalsOptions = {}) {
    this.keepsList = keepsList;
  }

  expect(sessionId: string, ...destinations: string[]): void {
    for (const destination of destinations) this.expectAll([[destination, [sessionId]]]);
  }

  expectAll(expected: Expected): void {
    for (const [destination, sessionIds] of expected) {
      const known = this.expectations.get(destination) ?? new Set<string>();
      this.expectations.set(destination, known);
      for (const sessionId of sessionIds) known.add(sessionId);
    }
  }

  /** Called by a simulator or receiver as soon as it has accepted a request. */
  note(arrival: Arrival): void {
    const { sessionId, destination } = arrival;
    let sessions = this.counts.get(destination);
    if (!sessions) this.counts.set(destination, (sessions = new Map()));
    const before = sessions.get(sessionId) ?? 0;
    sessions.set(sessionId, before + 1);
    if (before === 0) this.differentPairs++;
    if (this.keepsList) this.list.push(arrival);
    this.listener(arrival);
  }

  onArrival(listener: (arrival: Arrival) => void): void {
    this.listener = listener;
  }

  /** How many different pairs have arrived. */
  get distinct(): number {
    return this.differentPairs;
  }

  expects({ sessionId, destination }: Pair): boolean {
    return this.expectations.get(destination)?.has(sessionId) ?? false;
  }

  /** How often the session has arrived at that destination. */
  timesOf({ sessionId, destination }: Pair): number {
    return this.counts.get(destination)?.get(sessionId) ?? 0;
  }

  /** How many sessions have arrived at the destinations that `which` names, repetitions included. */
  countOf(which: (destination: string) => boolean): number {
    let count = 0;
    for (const [destination, sessions] of this.counts) {
      if (which(destination)) for (const times of sessions.values()) count += times;
    }
    return count;
  }

  /** The destinations that must hear of the session. */
  destinationsOf(sessionId: string): string[] {
    return [...this.expectations].filter(([, ids]) => ids.has(sessionId)).map(([destination]) => destination);
  }

  /** @param causesOf how many repetitions of a pair have a cause; by default none */
  report(causesOf: (pair: Pair) => number = () => 0): ArrivalsReport {
    const report: ArrivalsReport = {
      expected: 0,
      arrived: 0,
      missing: [],
      unexpected: this.unexpected(),
      duplicates: { explained: 0, unexplained: 0 },
      unexplained: [],
    };
    for (const [destination, sessionIds] of this.expectations) {
      for (const sessionId of sessionIds) this.reportPair({ sessionId, destination }, report, causesOf);
    }
    return report;
  }

  /** Drops the sessions, expected and arrived, so that a run without an end keeps no memory of them. */
  forget(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) {
      for (const expected of this.expectations.values()) expected.delete(sessionId);
      for (const arrived of this.counts.values()) if (arrived.delete(sessionId)) this.differentPairs--;
    }
  }

  clear(): void {
    this.expectations.clear();
    this.counts.clear();
    this.list.length = 0;
    this.differentPairs = 0;
  }

  private reportPair(pair: Pair, report: ArrivalsReport, causesOf: (pair: Pair) => number): void {
    const times = this.timesOf(pair);
    report.expected++;
    if (times === 0) return void report.missing.push(pair);
    report.arrived++;
    if (times === 1) return;
    const explained = Math.min(times - 1, causesOf(pair));
    report.duplicates.explained += explained;
    report.duplicates.unexplained += times - 1 - explained;
    if (explained < times - 1) report.unexplained.push(pair);
  }

  private unexpected(): Pair[] {
    const found: Pair[] = [];
    for (const [destination, sessions] of this.counts) {
      for (const sessionId of sessions.keys()) {
        if (!this.expects({ sessionId, destination })) found.push({ sessionId, destination });
      }
    }
    return found;
  }
}

export function nameOf({ sessionId, destination }: Pair): string {
  return `${sessionId} ${destination}`;
}

/** @returns a line for each kind of problem that the report shows, with the first five pairs; empty when there is none */
export function problemsOf({ missing, unexpected, unexplained }: ArrivalsReport): string[] {
  const line = (what: string, pairs: readonly Pair[]) => listed(what, pairs.map(nameOf));
  return [
    ...line('deliveries that did not arrive', missing),
    ...line('arrived where nothing was expected', unexpected),
    ...line('arrived again without a cause', unexplained),
  ];
}

/** @returns `[]` without items, else one line: how many, what, and the first five */
export function listed(what: string, items: readonly string[]): string[] {
  return items.length > 0 ? [`${items.length} ${what}: ${items.slice(0, 5).join(' | ')}`] : [];
}
