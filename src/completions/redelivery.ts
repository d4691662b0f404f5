import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Clock } from '../persistence/clock.js';
import { batchesOf } from './batches.js';
import type { Completion } from './completion.js';
import { CompletionRepository, type DeliveryChange } from './completion.repository.js';
import { COMPLETION } from './completion.schema.js';
import { type Delivery, webhookDestination } from './delivery.js';
import { DueTimesWriter } from './due-times.js';
import { redeliver } from './transitions.js';

/** Deliveries that one recovery takes at most, and how many of them fall due in a second. */
const RECOVER_AT_MOST = 10_000;
const RECOVER_PER_SECOND = 50;

/** What an admin asks to be sent again, and what is cancelled. */
@Injectable()
export class Redelivery {
  constructor(
    private readonly clock: Clock,
    @InjectModel(COMPLETION) private readonly model: Model<Completion>,
    private readonly completions: CompletionRepository,
    private readonly dueTimes: DueTimesWriter,
  ) {}

  /**
   * Makes one delivery due now, whatever became of it; its retry schedule starts anew. The idempotency key stays the
   * same. One that is just being attempted is left to that attempt.
   *
   * @returns false when it changed meanwhile; look again
   */
  async retry(completionId: string, delivery: Delivery): Promise<boolean> {
    const now = new Date(this.clock.now());
    if (delivery.token !== undefined && delivery.dueAt && delivery.dueAt > now) return true;
    const { state, attempts, token = null } = delivery;
    const change = { completionId, delivery: redeliver(delivery, now), only: { state, attempts, token } };
    return this.dueTimes.aroundOne(
      delivery.destination,
      now,
      async () => (await this.completions.change([change])) === 0,
    );
  }

  /**
   * Makes the dead deliveries of an integration due again, and those that were cancelled while it was disabled; at most
   * 10,000, oldest first, fifty a second.
   *
   * @param since, until when their sessions were found
   * @returns how many; `more` when there are others in that time
   */
  async recover(integrationId: number, since: Date, until: Date): Promise<{ recovered: number; more: boolean }> {
    const destination = webhookDestination(integrationId);
    const found = await this.lostOf(destination, since, until);
    if (found.length === 0) return { recovered: 0, more: false };
    const now = this.clock.now();
    const changes = found.slice(0, RECOVER_AT_MOST).map(({ _id, deliveries: [delivery] }, index): DeliveryChange => {
      const dueAt = new Date(now + Math.floor(index / RECOVER_PER_SECOND) * 1_000);
      const { state, attempts } = delivery!;
      return { completionId: _id, delivery: redeliver(delivery!, dueAt), only: { state, attempts } };
    });
    const recovered = await this.dueTimes.aroundOne(destination, new Date(now), () => this.changeAll(changes));
    return { recovered, more: found.length > RECOVER_AT_MOST };
  }

  /**
   * Cancels what is pending for an integration: it was removed or disabled. One that is just being attempted and is
   * delivered counts as delivered.
   *
   * @returns how many completions had some
   */
  cancel(integrationId: number, reason: string): Promise<number> {
    return this.completions.cancel(webhookDestination(integrationId), reason);
  }

  /** @returns how many were changed */
  private async changeAll(changes: readonly DeliveryChange[]): Promise<number> {
    let changed = 0;
    for (const batch of batchesOf(changes, () => 1)) {
      changed += batch.length - (await this.completions.change(batch));
    }
    return changed;
  }

  /** The dead and the cancelled ones, the oldest first, each with that one delivery alone; one more than are taken. */
  private lostOf(destination: string, since: Date, until: Date): Promise<Pick<Completion, '_id' | 'deliveries'>[]> {
    const lost = { destination, state: { $in: ['dead' as const, 'cancelled' as const] } };
    return this.model
      .find({ foundAt: { $gte: since, $lt: until }, deliveries: { $elemMatch: lost } })
      .select({ deliveries: { $elemMatch: { destination } } })
      .sort({ foundAt: 1, _id: 1 })
      .limit(RECOVER_AT_MOST + 1)
      .lean<Pick<Completion, '_id' | 'deliveries'>[]>();
  }
}
