/** A map whose entries expire, and whose oldest entry is removed when it is full. */
export class ExpiringMap<V> {
  private readonly entries = new Map<string, { value: V; until: number }>();

  /** @param ttlMs how long a value is remembered, from when it was set */
  constructor(
    private readonly ttlMs: number,
    private readonly maxEntries: number,
  ) {}

  /** @param now milliseconds, of the same clock in all calls */
  get(key: string, now: number): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (entry.until > now) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  set(key: string, value: V, now: number): void {
    this.entries.delete(key); // a Map keeps the order of insertion: set anew, it is the newest
    if (this.entries.size >= this.maxEntries) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(key, { value, until: now + this.ttlMs });
  }
}
