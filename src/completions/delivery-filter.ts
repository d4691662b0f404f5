import type { QueryFilter } from 'mongoose';
import type { Completion } from './completion.js';
import {
  ALL_LISTS,
  DESTINATION_INDEX,
  ORGANIZATION_LISTS,
  ORGANIZATION_TENANT_LISTS,
  TENANT_LISTS,
} from './completion.schema.js';
import {
  type Channel,
  channelOf,
  type Delivery,
  DELIVERY_STATES,
  type DeliveryState,
  listKey,
  webhookDestination,
} from './delivery.js';

/**
 * Which deliveries are meant. An index serves one that names a session or an integration, and otherwise one that names
 * states other than `delivered`; `unserved` tells what is missing.
 */
export interface DeliveryFilter {
  /** Absent: of all organizations. */
  organizationId?: string;
  integrationId?: number;
  channel?: Channel;
  tenantId?: string;
  sessionId?: string;
  /** Absent: all. */
  states?: readonly DeliveryState[];
  /** Of sessions found at or after. */
  since?: Date;
  /** Of sessions found before. */
  until?: Date;
}

/** Where a page ended: time, completion and destination. */
export interface HistoryPosition {
  foundAt: Date;
  _id: string;
  destination: string;
}

/** A part of the times of a list, which an index holds in one piece. */
export type TimeRange =
  { foundAt: Date; _id: { $lte: string } | { $gte: string } } | { foundAt?: { $gt?: Date; $gte?: Date; $lt?: Date } };

/** @returns which member no index serves together with the others, and what to do instead; undefined: all is well */
export function unserved(filter: DeliveryFilter): { field: string; message: string } | undefined {
  const { integrationId, channel, tenantId, sessionId, states } = filter;
  if (sessionId !== undefined) return undefined;
  if (integrationId !== undefined) {
    if (tenantId !== undefined)
      return { field: 'tenantId', message: 'must not be given together with integrationId; leave one of them out' };
    if (channel !== undefined && channel !== 'webhook')
      return { field: 'channel', message: 'must be webhook, or left out, together with integrationId' };
    return undefined;
  }
  if (!states || states.includes('delivered'))
    return {
      field: 'state',
      message: 'must be dead, pending or cancelled unless integrationId or sessionId is given',
    };
  return undefined;
}

/** The index that serves a filter without a session. */
export function indexOf({ integrationId, tenantId, organizationId }: DeliveryFilter): string {
  if (integrationId !== undefined) return DESTINATION_INDEX;
  if (tenantId !== undefined) return organizationId === undefined ? TENANT_LISTS : ORGANIZATION_TENANT_LISTS;
  return organizationId === undefined ? ALL_LISTS : ORGANIZATION_LISTS;
}

/** The filter without its times. `state` is always filtered on: it precedes `foundAt` in each index. */
export function filterOf({
  organizationId,
  integrationId,
  channel,
  tenantId,
  states,
}: DeliveryFilter): QueryFilter<Completion> {
  const scope = {
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(tenantId === undefined ? {} : { tenantId }),
  };
  const wanted = states ?? DELIVERY_STATES;
  if (integrationId !== undefined) {
    const state = wanted.length === 1 ? wanted[0]! : { $in: [...wanted] };
    return { ...scope, deliveries: { $elemMatch: { destination: webhookDestination(integrationId), state } } };
  }
  const keys = wanted.map((state) => listKey(state, channel));
  return { ...scope, 'deliveries.listed': keys.length === 1 ? keys[0]! : { $in: keys } };
}

/** Whether a delivery of a completion that the filter found is one of those meant. */
export function matches({ destination, state }: Delivery, { integrationId, channel, states }: DeliveryFilter): boolean {
  if (states && !states.includes(state)) return false;
  if (integrationId !== undefined && destination !== webhookDestination(integrationId)) return false;
  return channel === undefined || channelOf(destination) === channel;
}

/**
 * The times of a list from `after` on, in its order. Sessions of one batch are found at the same moment, so the moment of
 * `after` is a range of its own, which begins at its completion.
 */
export function rangesOf(
  { since, until }: Pick<DeliveryFilter, 'since' | 'until'>,
  after: HistoryPosition | undefined,
  oldestFirst = false,
): TimeRange[] {
  const from = since && { $gte: since };
  const before = until && { $lt: until };
  if (!after) return [since || until ? { foundAt: { ...from, ...before } } : {}];
  const { foundAt, _id } = after;
  const ranges: TimeRange[] = [];
  const isWithin = (!since || foundAt >= since) && (!until || foundAt < until);
  if (isWithin) ranges.push({ foundAt, _id: oldestFirst ? { $gte: _id } : { $lte: _id } });
  // where both bound the same side, the closer one
  const earliest = oldestFirst && (!since || since <= foundAt) ? { $gt: foundAt } : from;
  const latest = !oldestFirst && (!until || until >= foundAt) ? { $lt: foundAt } : before;
  ranges.push({ foundAt: { ...earliest, ...latest } });
  return ranges;
}

/** Whether a delivery comes after a position, in the order of a list. */
export function isAfter(one: HistoryPosition, position: HistoryPosition, oldestFirst: boolean): boolean {
  const byTime = one.foundAt.getTime() - position.foundAt.getTime();
  const byPlace = byTime !== 0 ? byTime : one._id === position._id ? 0 : one._id < position._id ? -1 : 1;
  if (byPlace !== 0) return oldestFirst ? byPlace > 0 : byPlace < 0;
  return one.destination > position.destination;
}
