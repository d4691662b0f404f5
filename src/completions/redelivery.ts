import { Injectable, Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { CircuitProbes } from './circuit-probes.js';
import { CompletionRepository, type DeliveryChange } from './completion.repository.js';
import { type Delivery, type RedeliveryRecord, webhookDestination } from './delivery.js';
import type { DeliveryFilter } from './delivery-filter.js';
import { DeliveryHistory, type HistoryEntry, positionOf } from './delivery-history.js';
import { DueTimes, DueTimesWriter } from './due-times.js';
import type { RedeliveryRequest } from './redelivery.schema.js';
import { writeSplit } from './split-writes.js';
import { redeliver } from './transitions.js';

/** How many deliveries of one request fall due in a second. */
const PER_SECOND = 50;
/** How many are made due at once: what takes four seconds to send. */
const REDELIVERED_AT_ONCE = 200;

/** Which webhooks may be sent: those of enabled integrations. */
export type MayBeSent = (destinations: readonly string[]) => Promise<ReadonlySet<string>>;

/** Makes deliveries due again, and cancels them. */
@Injectable()
export class Redelivery {
  private readonly logger = new Logger(Redelivery.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly completions: CompletionRepository,
    private readonly history: DeliveryHistory,
    private readonly dueTimes: DueTimesWriter,
    private readonly probes: CircuitProbes,
  ) {}

  /**
   * Makes one delivery due now, whatever became of it; its retry schedule starts anew. The idempotency key stays the
   * same. One that is just being attempted is left to that attempt.
   *
   * @param by the caller's name
   * @returns false when it changed meanwhile; look again
   */
  async retry(completionId: string, delivery: Delivery, by: string): Promise<boolean> {
    const now = new Date(this.clock.now());
    if (isUnderWay(delivery, now)) return true;
    const dueAt = this.afterLastAttempt(delivery, now);
    const change = changeOf(completionId, delivery, dueAt, { id: randomUUID(), at: now, by });
    const write = async () => (await this.completions.change([change])) === 0;
    return this.dueTimes.aroundOne(delivery.destination, now, write);
  }

  /**
   * Makes the next deliveries of a request due, fifty a second. May be repeated after a crash: those that carry the
   * request already are passed over, and one that is just being attempted is left to that attempt. At the first step open
   * circuits probe at once.
   *
   * @returns where to go on; undefined: nothing is left
   */
  async step(request: RedeliveryRequest, mayBeSent: MayBeSent): Promise<RedeliveryRequest['position']> {
    const entries = await this.entriesOf(request);
    const hasMore = !('ids' in request.filter) && entries.length > REDELIVERED_AT_ONCE;
    const taken = entries.slice(0, REDELIVERED_AT_ONCE);
    const now = this.clock.now();
    const sendable = await mayBeSent([...new Set(taken.map(({ delivery }) => delivery.destination))]);
    const changes = taken
      .filter(({ delivery }) => sendable.has(delivery.destination))
      .filter(({ delivery }) => !hasRequest(delivery, request._id) && !isUnderWay(delivery, new Date(now)))
      .map(({ session, delivery }, index) => {
        const dueAt = new Date(now + Math.floor(index / PER_SECOND) * 1_000);
        const { _id: id, at, by } = request;
        return changeOf(session._id, delivery, this.afterLastAttempt(delivery, dueAt), { id, at, by });
      });
    const dueTimes = new DueTimes();
    for (const { delivery } of changes) dueTimes.note(delivery);
    if (changes.length > 0) await this.dueTimes.around(dueTimes, () => this.changeAll(changes));
    if (!request.position) await this.probes.probeNow([...dueTimes.byDestination.keys()]);
    return hasMore ? positionOf(taken.at(-1)!) : undefined;
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

  /**
   * One that was cancelled while it was attempted keeps its token until that attempt has an outcome: it may still be
   * delivered. It is due when the longest attempt is over.
   */
  private afterLastAttempt({ state, token }: Delivery, dueAt: Date): Date {
    if (state !== 'cancelled' || token === undefined) return dueAt;
    return new Date(dueAt.getTime() + this.config.longestAttemptMs);
  }

  /** A completion that the database refuses (it has become too large) keeps no other from being sent again. */
  private changeAll(changes: DeliveryChange[]): Promise<void> {
    return writeSplit(changes, {
      write: async (some) => void (await this.completions.change(some)),
      giveUp: ({ completionId }, error) => {
        this.logger.error({ completionId, reason: (error as Error).message }, 'redelivery.not-written');
        return Promise.resolve();
      },
    });
  }

  /** One more than are made due at once. */
  private async entriesOf({ organizationId, filter, position }: RedeliveryRequest): Promise<HistoryEntry[]> {
    if ('ids' in filter) return this.history.findCompleted(organizationId, filter.ids);
    const wanted: DeliveryFilter = { ...filter, organizationId };
    return this.history.list({ ...wanted, after: position, limit: REDELIVERED_AT_ONCE + 1, oldestFirst: true });
  }
}

function hasRequest({ redeliveries = [] }: Delivery, id: string): boolean {
  return redeliveries.some((one) => one.id === id);
}

function isUnderWay({ token, dueAt }: Delivery, now: Date): boolean {
  return token !== undefined && dueAt !== undefined && dueAt > now;
}

/** Only where nobody else has changed the delivery meanwhile, another request included. */
function changeOf(completionId: string, delivery: Delivery, dueAt: Date, request: RedeliveryRecord): DeliveryChange {
  const { state, attempts, token = null, redeliveries: before } = delivery;
  const redeliveries = before ? { $size: before.length } : ({ $exists: false } as const);
  return {
    completionId,
    delivery: redeliver(delivery, dueAt, request),
    only: { state, attempts, token, redeliveries },
  };
}
