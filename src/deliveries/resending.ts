import { Injectable } from '@nestjs/common';
import type { AnyBulkWriteOperation, Collection } from 'mongodb';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { type Completion, type Delivery, webhookDestination } from './completion.js';
import { DUE_INDEX } from './completion.repository.js';
import { DestinationRepository } from './destination.repository.js';
import { OutcomeWriter } from './outcome-writer.js';

/** Deliveries that one recovery takes at most, and how many of them fall due in a second. */
const RECOVER_AT_MOST = 10_000;
const RECOVER_PER_SECOND = 50;
const CHUNK = 500;

/** What an admin decides about deliveries: send again, or stop. */
@Injectable()
export class Resending {
  constructor(
    private readonly clock: Clock,
    private readonly database: Database,
    private readonly destinations: DestinationRepository,
    private readonly writer: OutcomeWriter,
  ) {}

  private get completions(): Collection<Completion> {
    return this.database.connection.collection<Completion>('completions');
  }

  /**
   * Makes one delivery due now, whatever became of it; its retry schedule starts anew. The idempotency key stays the
   * same. One that is just being attempted is left to that attempt.
   *
   * @returns false when it changed meanwhile; look again
   */
  async retry(completionId: string, delivery: Delivery): Promise<boolean> {
    const now = new Date(this.clock.now());
    if (delivery.token !== undefined && delivery.dueAt && delivery.dueAt > now) return true;
    const { destination, state, attempts, token = null } = delivery;
    await this.destinations.announce(new Map([[destination, now]]));
    const result = await this.completions.updateOne(
      { _id: completionId, state: 'completed', deliveries: { $elemMatch: { destination, state, attempts, token } } },
      { $set: { open: true, 'deliveries.$': owedAgain(delivery, now) } },
    );
    await this.wakeLane(destination, now);
    return result.modifiedCount === 1;
  }

  /**
   * Makes the dead deliveries of an integration due again, and those that were dropped while it was disabled; at most
   * 10,000, oldest first, fifty a second.
   *
   * @param since, until when their sessions were detected
   * @returns how many; `more` when there are others in that time
   */
  async recover(integrationId: number, since: Date, until: Date): Promise<{ recovered: number; more: boolean }> {
    const found = await this.lostOf(integrationId, since, until);
    if (found.length === 0) return { recovered: 0, more: false };
    const destination = webhookDestination(integrationId);
    const now = this.clock.now();
    const taken = found.slice(0, RECOVER_AT_MOST).map(({ _id, deliveries: [delivery] }, index) => {
      const dueAt = new Date(now + Math.floor(index / RECOVER_PER_SECOND) * 1_000);
      return againOperation(_id, delivery!, dueAt);
    });
    await this.destinations.announce(new Map([[destination, new Date(now)]]));
    let recovered = 0;
    for (let i = 0; i < taken.length; i += CHUNK) {
      const result = await this.completions.bulkWrite(taken.slice(i, i + CHUNK), { ordered: false });
      recovered += result.modifiedCount;
    }
    await this.wakeLane(destination, new Date(now));
    return { recovered, more: found.length > RECOVER_AT_MOST };
  }

  /** The dead and the dropped ones, the oldest first; one more than are taken, each with that one delivery alone. */
  private lostOf(integrationId: number, since: Date, until: Date): Promise<Pick<Completion, '_id' | 'deliveries'>[]> {
    const lost = { integrationId, state: { $in: ['dead' as const, 'dropped' as const] } };
    return this.completions
      .find({
        state: 'completed',
        detectedAt: { $gte: since, $lt: until },
        deliveries: { $elemMatch: lost },
      })
      .project<Pick<Completion, '_id' | 'deliveries'>>({ deliveries: { $elemMatch: { integrationId } } })
      .sort({ detectedAt: 1, _id: 1 })
      .limit(RECOVER_AT_MOST + 1)
      .toArray();
  }

  /**
   * Announced before, so that a crash in between forgets nothing, and once more after: a lane that looked in between
   * found nothing due and took the announcement back.
   */
  private async wakeLane(destination: string, dueAt: Date): Promise<void> {
    await this.destinations.announce(new Map([[destination, dueAt]]));
    this.writer.onDue(dueAt);
  }

  /**
   * Stops what an integration is still owed: it was removed or disabled. One that is just being attempted and is
   * delivered counts as delivered.
   *
   * @returns how many completions had some
   */
  async drop(integrationId: number, reason: string): Promise<number> {
    const destination = webhookDestination(integrationId);
    const owed = { destination, state: 'owed' as const };
    const { modifiedCount } = await this.completions.updateMany(
      { open: true, state: 'completed', deliveries: { $elemMatch: owed } },
      {
        $set: {
          'deliveries.$[owed].state': 'dropped',
          'deliveries.$[owed].reason': reason,
        },
        $unset: { 'deliveries.$[owed].dueAt': 1 }, // one in flight keeps its token: if it is delivered, that counts
      },
      { arrayFilters: [{ 'owed.destination': destination, 'owed.state': 'owed' }], hint: DUE_INDEX },
    );
    await this.completions.updateMany(
      { open: true, state: 'completed', 'deliveries.destination': destination, 'deliveries.state': { $ne: 'owed' } },
      { $set: { open: false } },
      { hint: DUE_INDEX },
    );
    return modifiedCount;
  }
}

function againOperation(_id: string, delivery: Delivery, dueAt: Date): AnyBulkWriteOperation<Completion> {
  const { destination, state, attempts } = delivery;
  return {
    updateOne: {
      filter: { _id, deliveries: { $elemMatch: { destination, state, attempts } } },
      update: { $set: { open: true, 'deliveries.$': owedAgain(delivery, dueAt) } },
    },
  };
}

function owedAgain(delivery: Delivery, dueAt: Date): Delivery {
  const { reason: _reason, token: _token, ...rest } = delivery;
  return { ...rest, state: 'owed', dueAt, claims: 0, retriedFrom: delivery.attempts };
}
