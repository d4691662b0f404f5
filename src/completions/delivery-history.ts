import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, QueryFilter } from 'mongoose';
import { type Completion, plannedDeliveries, type SessionRecord } from './completion.js';
import { COMPLETION, DUE_INDEX } from './completion.schema.js';
import { type Delivery, DELIVERY_STATES, type DeliveryState, webhookDestination } from './delivery.js';
import { type IntendedCompletion, IntentRepository } from './intent.repository.js';

/** What an admin looks for among an integration's deliveries. */
export interface HistoryQuery {
  organizationId: string;
  integrationId: number;
  state?: DeliveryState;
  sessionId?: string;
  /** Of sessions found at or after. */
  since?: Date;
  /** Of sessions found before. */
  until?: Date;
  after?: HistoryPosition;
  limit: number;
}

/** Where a page of the history ended. */
export interface HistoryPosition {
  foundAt: Date;
  _id: string;
}

/** One delivery with the session that it belongs to. */
export interface HistoryEntry {
  session: SessionRecord;
  delivery: Delivery;
}

/** Reads what was delivered and what was not; changes nothing. All look-ups of admins are scoped by organization. */
@Injectable()
export class DeliveryHistory {
  constructor(
    @InjectModel(COMPLETION) private readonly completions: Model<Completion>,
    private readonly intents: IntentRepository,
  ) {}

  /** One page of an integration's deliveries, newest first; of each completion only the integration's own one. */
  async list(query: HistoryQuery): Promise<HistoryEntry[]> {
    const found = await this.page(query).lean<Completion[]>();
    return found.flatMap((completion) => entriesFor(completion, query.integrationId));
  }

  /** The query behind `list`, for its `explain`. */
  page(query: HistoryQuery) {
    return this.completions.find(historyFilter(query)).sort({ foundAt: -1, _id: -1 }).limit(query.limit);
  }

  /** @returns undefined when the integration has no delivery in that completion of the organization */
  async find(organizationId: string, integrationId: number, completionId: string): Promise<HistoryEntry | undefined> {
    // asked first: what is completed in between is found among the completions
    const intended = await this.intents.find(organizationId, completionId);
    const completed = await this.completions.findOne({ _id: completionId, organizationId }).lean<Completion>();
    const session = completed ?? (intended && recordOf(intended));
    return session && entriesFor(session, integrationId)[0];
  }

  /** @returns every revision of the session, the oldest first */
  async ofSession(organizationId: string, sessionId: string): Promise<SessionRecord[]> {
    const intended = await this.intents.ofSession(organizationId, sessionId); // first, as above
    const completed = await this.completions.find({ sessionId, organizationId }).lean<Completion[]>();
    const known = new Set(completed.map(({ _id }) => _id));
    const records: SessionRecord[] = [...completed, ...intended.filter(({ _id }) => !known.has(_id)).map(recordOf)];
    return records.sort((a, b) => a.revision - b.revision);
  }

  /**
   * How many deliveries of an integration are pending; those too whose first attempt is under way, or just over and not
   * written yet: the mail about a failed one goes out sooner than that.
   */
  async countFor(integrationId: number): Promise<number> {
    const destination = webhookDestination(integrationId);
    const pending = { open: true, deliveries: { $elemMatch: { destination, state: 'pending' as const } } };
    const counts = await Promise.all([
      this.completions.countDocuments(pending).hint(DUE_INDEX),
      this.intents.countFor(destination),
    ]);
    return counts[0] + counts[1];
  }
}

/** Always filters on `state`: it precedes `foundAt` in the index. */
function historyFilter(query: HistoryQuery): QueryFilter<Completion> {
  const { organizationId, integrationId, state, sessionId, since, until, after } = query;
  const destination = webhookDestination(integrationId);
  const from = since && { $gte: since };
  const before = until && { $lt: until };
  const upTo = after && { $lte: after.foundAt }; // lets the index begin there, which the alternatives below do not
  return {
    organizationId,
    deliveries: { $elemMatch: { destination, state: state ?? { $in: [...DELIVERY_STATES] } } },
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(since || until || after ? { foundAt: { ...from, ...before, ...upTo } } : {}),
    ...(after ? { $or: [{ foundAt: { $lt: after.foundAt } }, { _id: { $lt: after._id } }] } : {}),
  };
}

/** An intended session as a record: no attempt has an outcome yet. */
function recordOf({
  destinations,
  missing: _missing,
  lease,
  leaseUntil,
  ...session
}: IntendedCompletion): SessionRecord {
  return { ...session, deliveries: plannedDeliveries({ ...session, destinations }, { lease, leaseUntil }) };
}

function entriesFor(session: SessionRecord, integrationId: number): HistoryEntry[] {
  const destination = webhookDestination(integrationId);
  const delivery = session.deliveries.find((one) => one.destination === destination);
  return delivery ? [{ session, delivery }] : [];
}
