import { Arrivals, type Pair } from '../world/arrivals.js';

/** hbf-core as a destination: a session arrives there each time it is completed. */
export const COMPLETION = 'hbf-core';

export interface Totals {
  sessions: number;
  held: number;
  completed: number;
  flows: number;
  surveys: number;
  analyses: number;
  webhooks: number;
  refused: number;
}

/** What each conversation of the sandbox must lead to, once each, and what has come of it. */
export class Tally {
  readonly arrivals = new Arrivals({ keepsList: false });
  /** Attempts that a destination refused, and the service had to repeat. */
  refused = 0;
  private readonly sessions = new Set<string>();
  /** Sessions with an open live chat and the destinations that must hear of them once it has ended. */
  private readonly held = new Map<string, readonly string[]>();

  /** @param held a live chat in it is open: it must not be completed, and nothing may arrive */
  add(sessionId: string, destinations: readonly string[], held: boolean): void {
    this.sessions.add(sessionId);
    if (held) this.held.set(sessionId, destinations);
    else this.arrivals.expect(sessionId, COMPLETION, ...destinations);
  }

  /** The live chat has ended: from now on the session may be completed. */
  release(sessionId: string): void {
    const destinations = this.held.get(sessionId);
    this.held.delete(sessionId);
    if (destinations) this.arrivals.expect(sessionId, COMPLETION, ...destinations);
  }

  arrived(sessionId: string, destination: string): void {
    this.arrivals.note({ sessionId, destination, at: Date.now() });
  }

  /** One line for each session and destination with a problem; empty when everything arrived exactly once. */
  problems(): string[] {
    const { missing, unexpected, unexplained } = this.arrivals.report();
    return [
      ...missing.map((pair) => (pair.destination === COMPLETION ? `${pair.sessionId} was not completed` : `${pair.sessionId} did not arrive at ${pair.destination}`)), // prettier-ignore
      ...unexplained.map((pair) => `${pair.sessionId} arrived ${this.arrivals.timesOf(pair)} times at ${pair.destination}`), // prettier-ignore
      ...unexpected.map((pair) => this.unexpectedLine(pair)),
    ];
  }

  /** Forgets the sessions that were completed and delivered without a problem: a stream runs for long. @returns their ids */
  forgetFinished(): string[] {
    const { missing, unexpected, unexplained } = this.arrivals.report();
    const unfinished = new Set([...missing, ...unexpected, ...unexplained].map(({ sessionId }) => sessionId));
    const finished = [...this.sessions].filter((id) => !unfinished.has(id) && !this.held.has(id));
    this.arrivals.forget(finished);
    for (const sessionId of finished) this.sessions.delete(sessionId);
    return finished;
  }

  totals(): Totals {
    const count = (prefix: string) => this.arrivals.countOf((destination) => destination.startsWith(prefix));
    return {
      sessions: this.sessions.size,
      held: this.held.size,
      completed: count(COMPLETION),
      flows: count('flow:'),
      surveys: count('survey:'),
      analyses: count('analysis:'),
      webhooks: count('webhook:'),
      refused: this.refused,
    };
  }

  private unexpectedLine({ sessionId, destination }: Pair): string {
    if (!this.sessions.has(sessionId)) return `${sessionId} arrived at ${destination}, and there is no such session`;
    if (!this.held.has(sessionId)) return `${sessionId} arrived at ${destination}, which must not get it`;
    const what = destination === COMPLETION ? 'was completed' : `arrived at ${destination}`;
    return `${sessionId} ${what} while a live chat was open`;
  }
}
