import type { Room } from '../transport/room.js';

/** Bytes of the memory budget that one reader has. It must be released, whatever comes of the reading. */
export interface Reservation extends Room {
  /** What it has now. */
  readonly bytes: number;
  /** Nothing else is reserved beside it, and it may grow without a limit. */
  readonly alone: boolean;
  /**
   * Asks for `total` bytes altogether; fewer than it has change nothing. A reader that is refused must release what it
   * has, or shrink: it may try with less, or alone.
   *
   * @returns whether it has them; a promise where it has to wait. Refused at once where they can never fit
   */
  growTo(total: number): boolean | Promise<boolean>;
  /** Gives back what is beyond `bytes`. One that is alone no longer is if that fits the budget. */
  shrinkTo(bytes: number): void;
  /**
   * Moves `bytes`, or as many as there are, to a reservation of their own, which must be released as well. One that is
   * alone is handed over as it is, and nothing is left of it.
   */
  split(bytes: number): Reservation;
  /** Gives everything back; a growing that still waits is refused. Has no effect when repeated. */
  release(): void;
}

/** What a share needs of its budget. */
export interface BudgetOf {
  readonly limit: number;
  /** @returns false when there is no room */
  take(share: Share, bytes: number): boolean;
  giveBack(bytes: number): void;
  add(share: Share): void;
  /** Takes back all that the share has. */
  remove(share: Share, bytes: number): void;
  /** A share has begun to wait. */
  proceed(): void;
}

/** A reservation, as MemoryBudget gives it. */
export class Share implements Reservation {
  private wanted?: { total: number; granted: Promise<boolean>; answer: (granted: boolean) => void };
  private released = false;

  constructor(
    private readonly budget: BudgetOf,
    private has: number,
    private lone: boolean,
  ) {}

  get bytes(): number {
    return this.has;
  }

  get alone(): boolean {
    return this.lone;
  }

  /** It waits for room. */
  get growing(): boolean {
    return this.wanted !== undefined;
  }

  growTo(total: number): boolean | Promise<boolean> {
    if (this.released) return false;
    if (total <= this.has) return true;
    if (total > this.budget.limit && !this.lone) return false;
    if (this.wanted) {
      this.wanted.total = Math.max(this.wanted.total, total);
      return this.wanted.granted;
    }
    if (this.take(total)) return true;
    let answer: (granted: boolean) => void = () => undefined;
    const granted = new Promise<boolean>((resolve) => (answer = resolve));
    this.wanted = { total, granted, answer };
    this.budget.proceed();
    return granted;
  }

  shrinkTo(bytes: number): void {
    if (this.released) return;
    const surplus = Math.max(0, this.has - bytes);
    this.has -= surplus;
    if (this.has <= this.budget.limit) this.lone = false;
    this.budget.giveBack(surplus);
  }

  split(bytes: number): Reservation {
    const moved = this.lone ? this.has : Math.min(bytes, this.has);
    const part = new Share(this.budget, this.released ? 0 : moved, this.lone);
    if (this.released) part.released = true;
    else this.budget.add(part);
    this.has -= moved;
    this.lone = false;
    return part;
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    this.refuse();
    const surplus = this.has;
    this.has = 0;
    this.lone = false;
    this.budget.remove(this, surplus);
  }

  /** Answers a growing that waits, if there is room now. */
  tryToGrow(): void {
    if (this.wanted && this.take(this.wanted.total)) this.answer(true);
  }

  /** Refuses a growing that waits. */
  refuse(): void {
    this.answer(false);
  }

  private answer(granted: boolean): void {
    const { wanted } = this;
    this.wanted = undefined;
    wanted?.answer(granted);
  }

  private take(total: number): boolean {
    if (!this.budget.take(this, total - this.has)) return false;
    this.has = total;
    return true;
  }
}
