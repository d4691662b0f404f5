import { Injectable } from '@nestjs/common';
import type { Collection, Document, Filter } from 'mongodb';
import { WaitingDeliveries } from '../notifications/waiting-deliveries.js';
import { Database } from '../persistence/database.js';
import { type Completion, type Delivery, type DeliveryState, webhookDestination } from './completion.js';
import { DUE_INDEX } from './completion.repository.js';
import { DetectionRepository } from './detection.repository.js';

const STATES: readonly DeliveryState[] = ['owed', 'delivered', 'dead', 'dropped'];

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
  constructor(
    private readonly database: Database,
    private readonly detections: DetectionRepository,
  ) {
    super();
  }

  private get completions(): Collection<Completion> {
    return this.database.connection.collection<Completion>('completions');
  }

  /**
   * One page of an integration's deliveries, newest first. One round trip tells whether there is such an integration,
   * too.
   *
   * @returns undefined when the organization has no such integration
   */
  async list(query: HistoryQuery): Promise<HistoryEntry[] | undefined> {
    const integrations = this.database.connection.collection('integrations');
    const [found] = await integrations.aggregate<{ page: Completion[] }>(historyPage(query)).toArray();
    return found?.page.map((completion) => entry(completion, query.integrationId)!);
  }

  /** @returns undefined when the organization's integration is owed nothing for that completion */
  async find(organizationId: string, integrationId: number, completionId: string): Promise<HistoryEntry | undefined> {
    const detected = await this.detections.find(organizationId, completionId); // first, as below
    const completion = (await this.completions.findOne({ _id: completionId, organizationId })) ?? detected;
    return completion && entry(completion, integrationId);
  }

  /** @returns every revision of the session's completion, the oldest first */
  async ofSession(organizationId: string, sessionId: string): Promise<Completion[]> {
    // first: what is completed in between is found among the completions
    const detected = await this.detections.ofSession(organizationId, sessionId);
    const completed = await this.completions.find({ sessionId, organizationId }).toArray();
    const known = new Set(completed.map(({ _id }) => _id));
    return [...completed, ...detected.filter(({ _id }) => !known.has(_id))].sort((a, b) => a.revision - b.revision);
  }

  /**
   * Deliveries of an integration that are still owed; those too whose first attempt is under way, or just over and not
   * written down yet: the mail about a failed one goes out sooner than that.
   */
  async countFor(integrationId: number): Promise<number> {
    const destination = webhookDestination(integrationId);
    const owed = { destination, state: 'owed' as const };
    const counts = await Promise.all([
      this.completions.countDocuments(
        { open: true, state: 'completed', deliveries: { $elemMatch: owed } },
        { hint: DUE_INDEX },
      ),
      this.detections.countFor(destination),
    ]);
    return counts[0] + counts[1];
  }
}

/** The look-up behind a page; of each completion only the integration's own delivery is read out. */
export function historyPage(query: HistoryQuery): Document[] {
  const { organizationId, integrationId, limit } = query;
  const own = { $filter: { input: '$deliveries', cond: { $eq: ['$$this.integrationId', integrationId] } } };
  const pipeline = [
    { $match: historyFilter(query) },
    { $sort: { detectedAt: -1, _id: -1 } },
    { $limit: limit },
    { $set: { deliveries: own } },
  ];
  return [
    { $match: { _id: integrationId, organizationId } },
    { $project: { _id: 1 } },
    { $lookup: { from: 'completions', pipeline, as: 'page' } },
  ];
}

/** A state is always named, be it all of them: it stands in the index before the time. */
function historyFilter(query: HistoryQuery): Filter<Completion> {
  const { organizationId, integrationId, state, sessionId, since, until, after } = query;
  const from = since && { $gte: since };
  const before = until && { $lt: until };
  const upTo = after && { $lte: after.detectedAt }; // the index can begin there; the alternatives alone do not tell it
  return {
    organizationId,
    state: 'completed',
    deliveries: { $elemMatch: { integrationId, state: state ?? { $in: [...STATES] } } },
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(since || until || after ? { detectedAt: { ...from, ...before, ...upTo } } : {}),
    ...(after ? { $or: [{ detectedAt: { $lt: after.detectedAt } }, { _id: { $lt: after._id } }] } : {}),
  };
}

function entry(completion: Completion, integrationId: number): HistoryEntry | undefined {
  const delivery = completion.deliveries.find((one) => one.integrationId === integrationId);
  return delivery && { completion, delivery };
}
