import { nameOf } from '../world/arrivals.js';
import type { LoadWorld } from '../world/load-world.js';
import type { PlainBehavior } from '../world/receivers/behavior.js';

/** What begins in the first seconds is not counted: connections open, code is compiled, lanes open. */
const WARM_UP_MS = 2_000;
const DELIVERED_WITHIN_MS = 60_000;

/** How single destinations (`webhook:1`) answer. */
export type Answers = readonly [destination: string, behavior: PlainBehavior][];

export interface Load {
  perSecond: number;
  seconds: number;
  /** Whose sessions end, in turn; one that is named twice has twice as many. By default all. */
  tenants?: readonly string[];
  /** How destinations answer while the load lasts and afterwards; the others answer at once. */
  answers?: Answers;
  /** Destinations that answer so while the load lasts, and at once afterwards. They are not measured. */
  ill?: Answers;
  /** Milliseconds from the end of the load until all has arrived. */
  deliveredWithinMs?: number;
}

/** Of the webhooks that are measured. */
export interface LoadFigures {
  /** Milliseconds from the time a webhook was due (hbf-core has answered the PATCH) to its first byte at the receiver. */
  times: number[];
  /** Milliseconds from a refused first attempt (`refuse-first`) to the next one; such deliveries are not in `times`. */
  retryTimes: number[];
  /** Webhooks a second while the middle eight tenths of them arrived: how a load begins and ends is chance. */
  arrivedPerSecond: number;
  /** Deliveries that arrived again, of all. */
  duplicates: number;
}

/**
 * Offers sessions at a steady rate, waits until all has been delivered, and checks what arrived.
 *
 * @throws DeliveryError
 */
export async function latencies(world: LoadWorld, load: Load): Promise<LoadFigures> {
  const { perSecond, seconds, tenants = world.tenants, answers = [], ill = [] } = load;
  await world.receivers.call('behave', { keepsList: true, destinations: [...answers, ...ill] });
  await world.core.call('stream', { tenants: [...tenants], perSecond, seconds });
  if (ill.length > 0) await world.receivers.call('behave', { keepsList: true, destinations: [...answers] });
  await world.arrived(perSecond * seconds, load.deliveredWithinMs ?? DELIVERED_WITHIN_MS);
  const figures = await collect(world, new Set(ill.map(([destination]) => destination)));
  return { ...figures, duplicates: await world.check() };
}

async function collect(world: LoadWorld, without: ReadonlySet<string>): Promise<Omit<LoadFigures, 'duplicates'>> {
  const completed = new Map(await world.core.call('completedAt'));
  const begin = Math.min(...completed.values()) + WARM_UP_MS;
  const isWarm = ({ sessionId }: { sessionId: string }) => completed.get(sessionId)! >= begin;
  const refusals = await world.receivers.call('refusals');
  const refused = new Set(refusals.map(nameOf));
  const arrivals = (await world.receivers.call('list')).filter(
    ({ destination }) => destination.startsWith('webhook:') && !without.has(destination),
  );
  const middle = arrivals.slice(Math.round(arrivals.length * 0.1), Math.round(arrivals.length * 0.9));
  return {
    times: arrivals
      .filter((arrival) => isWarm(arrival) && !refused.has(nameOf(arrival)))
      .map(({ sessionId, at }) => at - completed.get(sessionId)!),
    retryTimes: refusals.filter(isWarm).map(({ againAfterMs }) => againAfterMs!),
    arrivedPerSecond: (middle.length * 1000) / (middle.at(-1)!.at - middle[0]!.at),
  };
}
