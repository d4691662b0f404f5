import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { type Completion, plannedDeliveries, type SessionRecord } from './completion.js';
import { COMPLETION, DUE_INDEX, REDELIVERY_INDEX, SESSION_INDEX } from './completion.schema.js';
import { type Delivery, type DeliveryState, readDeliveryId, webhookDestination } from './delivery.js';
import {
  type DeliveryFilter,
  filterOf,
  type HistoryPosition,
  indexOf,
  isAfter,
  matches,
  rangesOf,
  type TimeRange,
} from './delivery-filter.js';
import { type IntendedCompletion, IntentRepository } from './intent.repository.js';

/** What an admin looks for, and how much of it. */
export interface HistoryQuery extends DeliveryFilter {
  /** Where the page before ended. */
  after?: HistoryPosition;
  limit: number;
  /** The newest first unless this is set. */
  oldestFirst?: boolean;
}

/** One delivery with the session that it belongs to. */
export interface HistoryEntry {
  session: SessionRecord;
  delivery: Delivery;
}

/** Where a page ends whose last entry this is. */
export function positionOf({ session, delivery }: HistoryEntry): HistoryPosition {
  return { foundAt: session.foundAt, _id: session._id, destination: delivery.destination };
}

/** How many deliveries have each state. */
export type StateCounts = Partial<Record<DeliveryState, number>>;

/** Reads what was delivered and what was not; changes nothing. Look-ups of admins are scoped by organization. */
@Injectable()
export class DeliveryHistory {
  constructor(
    @InjectModel(COMPLETION) private readonly completions: Model<Completion>,
    private readonly intents: IntentRepository,
  ) {}

  /** One page of deliveries: by time, completion and destination, so that a page that ends inside a completion skips none. */
  async list(query: HistoryQuery): Promise<HistoryEntry[]> {
    if (query.sessionId !== undefined) return this.listOfSession(query);
    const entries: HistoryEntry[] = [];
    for (const range of rangesOf(query, query.after, query.oldestFirst)) {
      const left = query.limit - entries.length;
      if (left <= 0) break;
      const found = await this.page(query, range, left).lean<Completion[]>();
      entries.push(...found.flatMap((completion) => entriesOf(completion, query)));
    }
    return entries.slice(0, query.limit);
  }

  /** One of the queries behind `list`, for its `explain`. */
  page(query: HistoryQuery, range: TimeRange, limit: number) {
    const direction = query.oldestFirst ? 1 : -1;
    // of the completion in which the page before ended, nothing may be left
    return this.completions
      .find({ ...filterOf(query), ...range })
      .sort({ foundAt: direction, _id: direction })
      .limit('_id' in range ? limit + 1 : limit)
      .hint(indexOf(query));
  }

  /** How many deliveries fit, by destination. Reads the completions that have one. */
  async countByDestination(filter: DeliveryFilter): Promise<Map<string, number>> {
    const [range] = rangesOf(filter, undefined);
    const found = this.completions
      .find({ ...filterOf(filter), ...range }, { 'deliveries.destination': 1, 'deliveries.state': 1 })
      .hint(indexOf(filter))
      .lean<Pick<Completion, 'deliveries'>[]>()
      .cursor();
    const counts = new Map<string, number>();
    for await (const { deliveries } of found as AsyncIterable<Pick<Completion, 'deliveries'>>) {
      for (const delivery of deliveries) {
        if (matches(delivery, filter)) counts.set(delivery.destination, (counts.get(delivery.destination) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** How the deliveries stand that one request has made due again. */
  async countRedelivered(requestId: string): Promise<StateCounts> {
    const counts = await this.completions
      .aggregate<{ _id: DeliveryState; count: number }>([
        { $match: { 'deliveries.redeliveries.id': requestId } },
        { $project: { 'deliveries.state': 1, 'deliveries.redeliveries.id': 1 } },
        { $unwind: '$deliveries' },
        { $match: { 'deliveries.redeliveries.id': requestId } },
        { $group: { _id: '$deliveries.state', count: { $sum: 1 } } },
      ])
      .hint(REDELIVERY_INDEX);
    return Object.fromEntries(counts.map(({ _id, count }) => [_id, count]));
  }

  /**
   * @param organizationId absent: of any organization
   * @returns undefined when there is no such delivery
   */
  async find(
    organizationId: string | undefined,
    completionId: string,
    destination: string,
  ): Promise<HistoryEntry | undefined> {
    // asked first: what is completed in between is found among the completions
    const intended = await this.intents.find(organizationId, completionId);
    const scope = organizationId === undefined ? {} : { organizationId };
    const completed = await this.completions.findOne({ _id: completionId, ...scope }).lean<Completion>();
    const session = completed ?? (intended && recordOf(intended));
    const delivery = session?.deliveries.find((one) => one.destination === destination);
    return session && delivery && { session, delivery };
  }

  /**
   * As `find`, for ids of deliveries.
   *
   * @returns those that there are, in order; not those of sessions that are only intended, which are attempted for the
   *   first time by themselves
   */
  async findCompleted(organizationId: string | undefined, ids: readonly string[]): Promise<HistoryEntry[]> {
    const found = await Promise.all(
      ids.map((id) => {
        const { completionId, destination } = readDeliveryId(id)!;
        return this.find(organizationId, completionId, destination);
      }),
    );
    return found.filter((entry) => entry?.session.completedAt !== undefined) as HistoryEntry[];
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

  /** A session has few revisions: the rest of the filter is held against them here. */
  private async listOfSession(query: HistoryQuery): Promise<HistoryEntry[]> {
    const { sessionId, organizationId, tenantId, since, until, oldestFirst = false } = query;
    const scope = { sessionId, ...(organizationId === undefined ? {} : { organizationId }) };
    const found = await this.completions.find(scope).hint(SESSION_INDEX).lean<Completion[]>();
    const sign = oldestFirst ? 1 : -1;
    return found
      .filter((one) => tenantId === undefined || one.tenantId === tenantId)
      .filter(({ foundAt }) => (!since || foundAt >= since) && (!until || foundAt < until))
      .sort((a, b) => sign * (a.foundAt.getTime() - b.foundAt.getTime() || (a._id < b._id ? -1 : 1)))
      .flatMap((completion) => entriesOf(completion, query))
      .slice(0, query.limit);
  }
}

/** The deliveries of one completion that fit, by destination, without those of the page before. */
function entriesOf(completion: Completion, query: HistoryQuery): HistoryEntry[] {
  const { after, oldestFirst = false } = query;
  return completion.deliveries
    .filter((delivery) => matches(delivery, query))
    .filter(({ destination }) => !after || isAfter({ ...completion, destination }, after, oldestFirst))
    .sort((a, b) => (a.destination < b.destination ? -1 : 1))
    .map((delivery) => ({ session: completion, delivery }));
}

/** An intended session as a record: no attempt has an outcome yet. */
function recordOf({
  destinations,
  missing: _missing,
  cancelled,
  lease,
  leaseUntil,
  ...session
}: IntendedCompletion): SessionRecord {
  return { ...session, deliveries: plannedDeliveries({ ...session, destinations, cancelled }, { lease, leaseUntil }) };
}
