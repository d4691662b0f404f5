/**
 * Holds session checks where they begin, at their list of tenants, so that a bench runs one at a time: what happens
 * between two calls of `letIn` belongs to one check of each process that was held.
 */
export class CheckGate {
  private closed = false;
  private readonly waiting: (() => void)[] = [];

  /** From now on checks wait. */
  close(): void {
    this.closed = true;
  }

  /** Checks that wait now. */
  get held(): number {
    return this.waiting.length;
  }

  /** Those that wait begin; what comes later waits for the next time. */
  letIn(): void {
    this.waiting.splice(0).forEach((goOn) => goOn());
  }

  /** Called by each check as it begins. */
  async pass(): Promise<void> {
    if (this.closed) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
}
