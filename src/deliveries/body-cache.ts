import { Injectable } from '@nestjs/common';
import { channelOf, type Delivery } from '../completions/delivery.js';
import { type Holding, MemoryBudget } from '../platform/memory-budget.js';

interface Kept {
  body: Buffer;
  holding: Holding;
  /** Pending deliveries of this process that will want it. */
  destinations: Set<string>;
}

/**
 * Bodies of sessions with a pending delivery, for its later attempts: without its body a session is read from hbf-core
 * again. Kept by completion id, as long as the memory budget has room for them; the oldest go first.
 */
@Injectable()
export class BodyCache {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly budget: MemoryBudget) {}

  /** @returns undefined when it is not kept, or not any more */
  get(completionId: string): Buffer | undefined {
    return this.kept.get(completionId)?.body;
  }

  /**
   * What came of an attempt: while its delivery is pending the body is kept for it, and it goes with the last one.
   *
   * @param body undefined when it was not made
   */
  note(completionId: string, { destination, state }: Pick<Delivery, 'destination' | 'state'>, body?: Buffer): void {
    const known = this.kept.get(completionId);
    if (state !== 'pending') this.settle(completionId, destination);
    else if (!needsBody(destination)) return;
    else if (known) known.destinations.add(destination);
    else if (body) this.add(completionId, destination, body);
  }

  private settle(completionId: string, destination: string): void {
    const known = this.kept.get(completionId);
    if (!known?.destinations.delete(destination) || known.destinations.size > 0) return;
    this.kept.delete(completionId);
    known.holding.release();
  }

  private add(completionId: string, destination: string, body: Buffer): void {
    let gone = false;
    const holding = this.budget.hold(body.length, () => {
      gone = true;
      this.kept.delete(completionId);
    });
    if (!gone) this.kept.set(completionId, { body, holding, destinations: new Set([destination]) });
  }
}

function needsBody(destination: string): boolean {
  const channel = channelOf(destination);
  return channel === 'flow' || channel === 'webhook';
}
