/**
 * The sandbox's own bookkeeping: what each destination ought to hear of each session, and what it heard. It knows the
 * plan from the world that it set up and the rest from the simulator and the receivers, nothing from the service.
 */

interface Page {
  /** Destinations that must hear of the session once it has ended: `flow`, `survey:<id>`, `analysis`, `webhook:<id>`. */
  owed: Set<string>;
  heard: Map<string, number>;
  completed: number;
  /** A live chat in it is open: it must not be completed. */
  held: boolean;
}

export interface Totals {
  sessions: number;
  held: number;
  completed: number;
  flows: number;
  surveys: number;
  analyses: number;
  webhooks: number;
  retried: number;
}

export class Books {
  /** Attempts that a destination refused, and the service had to repeat. */
  retried = 0;
  private readonly pages = new Map<string, Page>();
  private readonly strays: string[] = [];

  open(sessionId: string, owed: readonly string[], held: boolean): void {
    this.pages.set(sessionId, { owed: new Set(owed), heard: new Map(), completed: 0, held });
  }

  /** The live chat is over: from now on the session may be completed. */
  release(sessionId: string): void {
    const page = this.pages.get(sessionId);
    if (page) page.held = false;
  }

  completed(sessionId: string): void {
    const page = this.pages.get(sessionId);
    if (!page) return void this.strays.push(`${sessionId} was completed, and nobody knows it`);
    if (page.held) this.strays.push(`${sessionId} was completed with a live chat open`);
    page.completed++;
  }

  heard(sessionId: string, destination: string): void {
    const page = this.pages.get(sessionId);
    if (!page) return void this.strays.push(`${destination} heard of ${sessionId}, and nobody knows it`);
    page.heard.set(destination, (page.heard.get(destination) ?? 0) + 1);
  }

  /** Sessions that were completed and whose every destination has heard are forgotten (a stream runs for long). */
  forgetSettled(): string[] {
    const settled = [...this.pages].filter(([, page]) => page.completed > 0 && differences(page).length === 0);
    for (const [sessionId] of settled) this.pages.delete(sessionId);
    return settled.map(([sessionId]) => sessionId);
  }

  /** What does not balance: one line each; empty when every debt is paid exactly as planned. */
  problems(): string[] {
    const lines = [...this.strays];
    for (const [sessionId, page] of this.pages) {
      lines.push(...differences(page).map((difference) => `${sessionId} ${difference}`));
    }
    return lines;
  }

  totals(): Totals {
    const pages = [...this.pages.values()];
    const count = (prefix: string) =>
      pages
        .flatMap(({ heard }) => [...heard])
        .reduce((sum, [to, times]) => sum + (to.startsWith(prefix) ? times : 0), 0);
    return {
      sessions: pages.length,
      held: pages.filter(({ held, completed }) => held && completed === 0).length,
      completed: pages.filter(({ completed }) => completed > 0).length,
      flows: count('flow'),
      surveys: count('survey:'),
      analyses: count('analysis'),
      webhooks: count('webhook:'),
      retried: this.retried,
    };
  }
}

function differences({ owed, heard, completed, held }: Page): string[] {
  const lines: string[] = [];
  if (!held && completed !== 1) lines.push(`was completed ${completed} times`);
  for (const destination of owed) {
    const times = heard.get(destination) ?? 0;
    if (times !== (held ? 0 : 1)) lines.push(`was heard of ${times} times by ${destination}`);
  }
  for (const destination of heard.keys()) {
    if (!owed.has(destination)) lines.push(`was heard of by ${destination}, to whom it was not owed`);
  }
  return lines;
}
