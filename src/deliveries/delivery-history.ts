import { Injectable } from '@nestjs/common';
import type { Collection, Filter } from 'mongodb';
import { WaitingDeliveries } from '../notifications/waiting-deliveries.js';
import { Database } from '../persistence/database.js';
import { type Completion, type Delivery, type DeliveryState, webhookDestination } from './completion.js';

/** What an admin looks for among an integration's deliveries. */
export interface HistoryQuery {
  organizationId: string;
  integrationId: number;
  state?: DeliveryState;
  sessionId?: string;
  /** Detected at or after. */
  since?: Date;
  /** Detected before. */
  until?: Date;
  after?: HistoryPosition;
  limit: number;
}

/** Where a page of the history ended. */
export interface HistoryPosition {
  detectedAt: Date;
  _id: string;
}

/** One delivery with the completion that holds it. */
export interface HistoryEntry {
  completion: Completion;
  delivery: Delivery;
}

/** Looks at what was delivered and what was not; changes nothing. All look-ups are scoped by organization. */
@Injectable()
export class DeliveryHistory extends WaitingDeliveries {
  constructor(private readonly database: Database) {
    super();
  }

  private get completions(): Collection<Completion> {
    return this.database.connection.collection<Completion>('completions');
  }

  /** One page of an integration's deliveries, newest first. */
  async list(query: HistoryQuery): Promise<HistoryEntry[]> {
    const { organizationId, integrationId, state, sessionId, since, until, after } = query;
    const filter: Filter<Completion> = {
      'deliveries.integrationId': integrationId,
      organizationId,
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(state === undefined ? {} : { deliveries: { $elemMatch: { integrationId, state } } }),
      ...(since || until ? { detectedAt: { ...(since && { $gte: since }), ...(until && { $lt: until }) } } : {}),
      ...(after ? { $and: [before(after)] } : {}),
    };
    const found = await this.completions.find(filter).sort({ detectedAt: -1, _id: -1 }).limit(query.limit).toArray();
    return found.map((completion) => entry(completion, integrationId)!);
  }

  /** @returns undefined when the organization's integration is owed nothing for that completion */
  async find(organizationId: string, integrationId: number, completionId: string): Promise<HistoryEntry | undefined> {
    const completion = await this.completions.findOne({ _id: completionId, organizationId });
    return completion ? entry(completion, integrationId) : undefined;
  }

  /** @returns every revision of the session's completion, the oldest first */
  async ofSession(organizationId: string, sessionId: string): Promise<Completion[]> {
    return this.completions.find({ sessionId, organizationId }).sort({ revision: 1 }).toArray();
  }

  /** Deliveries of an integration that are still owed. */
  async countFor(integrationId: number): Promise<number> {
    const owed = { destination: webhookDestination(integrationId), state: 'owed' as const };
    return this.completions.countDocuments(
      { open: true, deliveries: { $elemMatch: owed } },
      { hint: 'deliveries-due' },
    );
  }
}

/** In the order of the list: what comes after a position lies before it in time. */
function before({ detectedAt, _id }: HistoryPosition): Filter<Completion> {
  return { $or: [{ detectedAt: { $lt: detectedAt } }, { detectedAt, _id: { $lt: _id } }] };
}

function entry(completion: Completion, integrationId: number): HistoryEntry | undefined {
  const delivery = completion.deliveries.find((one) => one.integrationId === integrationId);
  return delivery && { completion, delivery };
}
