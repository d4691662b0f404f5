import type { LoadWorld } from '../world/load-world.js';
import type { PlainBehavior } from '../world/receivers/behavior.js';

/** What begins in the first seconds is not counted: connections open, code is compiled, lanes open. */
const WARM_UP_MS = 2_000;
const DELIVERED_WITHIN_MS = 60_000;

export interface Load {
  perSecond: number;
  seconds: number;
  /** Destinations (`webhook:1`) that do not answer while the load lasts, and answer at once afterwards. */
  hanging?: string[];
}

/**
 * Offers sessions at a steady rate, waits until all has been delivered, and checks what arrived.
 *
 * @returns milliseconds from the time a webhook was due (hbf-core has answered the PATCH) to its first byte at the
 *   receiver, of those that do not hang
 * @throws DeliveryError
 */
export async function latencies(world: LoadWorld, load: Load): Promise<{ times: number[]; duplicates: number }> {
  const { perSecond, seconds, hanging = [] } = load;
  const hang = hanging.map((destination): [string, PlainBehavior] => [destination, { kind: 'hang' }]);
  await world.receivers.call('behave', { keepsList: true, destinations: hang });
  await world.core.call('stream', { tenants: world.tenants, perSecond, seconds });
  if (hanging.length > 0) await world.receivers.call('behave', { keepsList: true });
  await world.arrived(perSecond * seconds, DELIVERED_WITHIN_MS);
  const times = await collect(world, new Set(hanging));
  return { times, duplicates: await world.check() };
}

async function collect(world: LoadWorld, without: ReadonlySet<string>): Promise<number[]> {
  const completed = new Map(await world.core.call('completedAt'));
  const begin = Math.min(...completed.values()) + WARM_UP_MS;
  const arrivals = await world.receivers.call('list');
  return arrivals
    .filter(({ destination }) => destination.startsWith('webhook:') && !without.has(destination))
    .map(({ sessionId, at }) => ({ due: completed.get(sessionId)!, at }))
    .filter(({ due }) => due >= begin)
    .map(({ due, at }) => at - due);
}
