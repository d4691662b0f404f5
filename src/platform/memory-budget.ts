import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { NoRoomError } from '../transport/transport-errors.js';
import { type BudgetOf, type Reservation, Share } from './reservation.js';

const MEGABYTE = 1024 * 1024;

/** Bytes that are kept although nothing needs them at the moment. */
export interface Holding {
  /** They are not kept any more. Has no effect when repeated, or after they were let go. */
  release(): void;
}

/** How long to wait for room. */
export interface Patience {
  /** Milliseconds; without it as long as it takes. */
  withinMs?: number;
}

interface Waiting {
  bytes: number;
  alone: boolean;
  give: (share: Share) => void;
}

interface Held {
  bytes: number;
  letGo: () => void;
}

/**
 * The memory that sessions take: what is being read, parsed, serialised and waiting for its delivery, in bytes, up to
 * SESSION_MEMORY_BUDGET_MB. Reservations are given first come, first served; one that grows goes before those that are
 * not begun, as it is nearer to giving its bytes back. What is only kept in case of a later attempt (`hold`) is let go,
 * the oldest first, as soon as that makes the room that somebody waits for.
 *
 * No reader waits for ever: a reader must not ask for a second reservation while it has one, and when all reservations
 * wait to grow, the one that was given last is refused.
 */
@Injectable()
export class MemoryBudget implements BudgetOf {
  /** In bytes. */
  readonly limit: number;
  /** Those that are not released, in the order in which they were given. */
  private readonly shares = new Set<Share>();
  private readonly queue: Waiting[] = [];
  private readonly holdings = new Set<Held>();
  private reservedBytes = 0;
  private heldBytes = 0;

  constructor(@Inject(Config) { sessionMemoryBudgetMb }: Pick<Config, 'sessionMemoryBudgetMb'>) {
    this.limit = sessionMemoryBudgetMb * MEGABYTE;
  }

  /** Bytes that are reserved, holdings not counted. Over the limit only while one is alone. */
  get reserved(): number {
    return this.reservedBytes;
  }

  /** Bytes of the holdings. */
  get held(): number {
    return this.heldBytes;
  }

  /** How many wait for a reservation. */
  get waiting(): number {
    return this.queue.length;
  }

  /**
   * Waits for `bytes`. For a reader that knows what it will need; it may grow.
   *
   * @throws NoRoomError when they are more than the whole budget, or not given in time
   */
  reserve(bytes: number, patience: Patience = {}): Promise<Reservation> {
    if (bytes > this.limit) return Promise.reject(new NoRoomError());
    return this.enqueue(bytes, false, patience);
  }

  /**
   * Waits until nothing else is reserved, for what does not fit the budget at all. Nothing else is reserved until it is
   * released, or has shrunk to what fits.
   *
   * @throws NoRoomError when that was not so in time
   */
  reserveAlone(patience: Patience = {}): Promise<Reservation> {
    return this.enqueue(0, true, patience);
  }

  /**
   * Keeps bytes for as long as nobody else needs the room. They are let go at once where there is none for them.
   *
   * @param letGo called at most once, and not after the holding was released
   */
  hold(bytes: number, letGo: () => void): Holding {
    const held: Held = { bytes, letGo };
    const wanted = this.queue.length > 0 || this.hasGrowing();
    if (wanted || !this.makeRoom(bytes)) {
      letGo();
      return { release: () => undefined };
    }
    this.holdings.add(held);
    this.heldBytes += bytes;
    return {
      release: () => {
        if (this.forget(held)) this.proceed();
      },
    };
  }

  /** @internal for Share */
  take(share: Share, bytes: number): boolean {
    if (!share.alone && !this.makeRoom(bytes)) return false;
    this.reservedBytes += bytes;
    return true;
  }

  /** @internal for Share */
  giveBack(bytes: number): void {
    this.reservedBytes -= bytes;
    this.proceed();
  }

  /** @internal for Share */
  add(share: Share): void {
    this.shares.add(share);
  }

  /** @internal for Share */
  remove(share: Share, bytes: number): void {
    this.shares.delete(share);
    this.giveBack(bytes);
  }

  /** @internal for Share */
  proceed(): void {
    for (const share of this.shares) share.tryToGrow();
    if (this.hasGrowing()) return this.refuseLastIfAllWait();
    for (let next; (next = this.queue[0]) && this.fits(next);) {
      this.queue.shift();
      this.reservedBytes += next.bytes;
      const share = new Share(this, next.bytes, next.alone);
      this.add(share);
      next.give(share);
    }
  }

  private enqueue(bytes: number, alone: boolean, { withinMs }: Patience): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { bytes, alone, give: resolve };
      this.queue.push(waiting);
      this.proceed();
      if (withinMs === undefined || !this.queue.includes(waiting)) return;
      const timer = setTimeout(() => {
        this.queue.splice(this.queue.indexOf(waiting), 1);
        reject(new NoRoomError());
        this.proceed();
      }, withinMs);
      waiting.give = (share) => {
        clearTimeout(timer);
        resolve(share);
      };
    });
  }

  private fits({ bytes, alone }: Waiting): boolean {
    if (!alone) return this.makeRoom(bytes);
    if (this.shares.size > 0) return false;
    this.letGoUntil(() => false);
    return true;
  }

  /** Lets holdings go, the oldest first, if that makes enough room. @returns whether there is room */
  private makeRoom(bytes: number): boolean {
    if (this.reservedBytes + bytes > this.limit || this.hasLone()) return false;
    this.letGoUntil(() => this.reservedBytes + this.heldBytes + bytes <= this.limit);
    return true;
  }

  private letGoUntil(enough: () => boolean): void {
    for (const held of this.holdings) {
      if (enough()) return;
      this.forget(held);
      held.letGo();
    }
  }

  private forget(held: Held): boolean {
    if (!this.holdings.delete(held)) return false;
    this.heldBytes -= held.bytes;
    return true;
  }

  private hasLone(): boolean {
    for (const share of this.shares) if (share.alone) return true;
    return false;
  }

  private hasGrowing(): boolean {
    for (const share of this.shares) if (share.growing) return true;
    return false;
  }

  private refuseLastIfAllWait(): void {
    const shares = [...this.shares];
    if (shares.every((share) => share.growing)) shares.at(-1)!.refuse();
  }
}
