interface Dated {
  lastInteraction: Date;
}

/** Keeps the oldest so many of all that is added, and counts the rest: memory stays bounded beside a long backlog. */
export class Oldest<T extends Dated> {
  /** How many were added. */
  count = 0;
  private kept: T[] = [];

  constructor(private readonly atMost: number) {}

  add(item: T): void {
    this.count++;
    this.kept.push(item);
    if (this.kept.length > 2 * this.atMost + 1_000) this.kept = this.list();
  }

  /** @returns those kept, the oldest first */
  list(): T[] {
    return [...this.kept]
      .sort((a, b) => a.lastInteraction.getTime() - b.lastInteraction.getTime())
      .slice(0, this.atMost);
  }
}
