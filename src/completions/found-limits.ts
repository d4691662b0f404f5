import type { Document } from 'mongodb';
import type { FoundLimit } from './destination.schema.js';

/** What was found longer ago is not shown. */
const FOUND_LATELY_MS = 10_000;

/** What one replica found about a destination that it attempted lately. */
export interface FoundState {
  destination: string;
  /** How many attempts at once the destination was found to take. */
  limit: number;
  /** Consecutive failures, where the replica's own circuit is closed. */
  failures?: number;
}

/**
 * The update that adds a found limit to a destination's document, by the database's clock. A document that is made for it
 * counts as idle from then on, so that it is removed some time after. Failures are written while the circuit is closed
 * only: an open one has those that it opened with.
 */
export function withFoundLimit({ limit, failures }: Omit<FoundState, 'destination'>): Document[] {
  const isNew = { $eq: [{ $type: '$version' }, 'missing'] };
  const isClosed = { $eq: [{ $type: '$openUntil' }, 'missing'] };
  const earliest = { $subtract: ['$$NOW', FOUND_LATELY_MS] };
  const stillCounts = { $and: [{ $gt: ['$$this.at', earliest] }, { $gt: ['$$this.limit', limit] }] };
  const others = { $filter: { input: { $ifNull: ['$limits', []] }, cond: stillCounts } };
  return [
    {
      $set: {
        version: { $ifNull: ['$version', 0] },
        idleSince: { $cond: [isNew, '$$NOW', '$idleSince'] },
        ...(failures !== undefined && { failures: { $cond: [isClosed, failures, '$failures'] } }),
        limits: { $concatArrays: [others, [{ limit, at: '$$NOW' }]] },
      },
    },
  ];
}

/** @returns the destinations of which the same was found, together */
export function alike(
  found: readonly FoundState[],
): Iterable<{ ids: string[]; state: Omit<FoundState, 'destination'> }> {
  const groups = new Map<string, { ids: string[]; state: Omit<FoundState, 'destination'> }>();
  for (const { destination, ...state } of found) {
    const key = `${state.limit}/${state.failures}`;
    const group = groups.get(key) ?? { ids: [], state };
    group.ids.push(destination);
    groups.set(key, group);
  }
  return groups.values();
}

/** @returns the largest limit of the last ten seconds; undefined when there is none */
export function largestOf(limits: readonly FoundLimit[] = [], now: number): number | undefined {
  const lately = limits.filter(({ at }) => at.getTime() > now - FOUND_LATELY_MS);
  return lately.length === 0 ? undefined : Math.max(...lately.map(({ limit }) => limit));
}
