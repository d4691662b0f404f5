import { LedgerError } from './bench.js';
import type { World } from './world.js';

/** What begins in the first seconds is not counted: connections open, code is compiled, lanes open up. */
const WARM_UP_MS = 2_000;
const PAID_WITHIN_MS = 60_000;

export interface Load {
  perSecond: number;
  seconds: number;
  /** Destinations (`webhook:1`) that answer nobody while the load lasts, and well afterwards. */
  hanging?: string[];
}

/**
 * Offers sessions at a steady rate, waits until all is paid, and holds the books against each other.
 *
 * @returns milliseconds from the time a webhook was due (hbf-core has answered the PATCH) to its first byte at the
 *   receiver, of those that do not hang
 * @throws LedgerError
 */
export async function latencies(world: World, load: Load): Promise<{ times: number[]; duplicates: number }> {
  const { perSecond, seconds, hanging = [] } = load;
  await world.sink.call('behave', { keepArrivals: true, hanging });
  await world.platform.call('stream', { tenants: world.tenants, perSecond, seconds });
  const debts = perSecond * seconds * world.debtsPerSession;
  if (hanging.length > 0) await world.sink.call('behave', { keepArrivals: true });
  const { paid } = await world.sink.call('settled', { debts, timeoutMs: PAID_WITHIN_MS });
  if (paid < debts) throw new LedgerError(`${paid} of ${debts} debts were paid`);
  const times = await collect(world, new Set(hanging));
  return { times, duplicates: await world.balance() };
}

async function collect(world: World, without: ReadonlySet<string>): Promise<number[]> {
  const told = new Map(await world.platform.call('toldAt'));
  const begin = Math.min(...told.values()) + WARM_UP_MS;
  const arrivals = await world.sink.call('arrivals');
  return arrivals
    .filter(([destination]) => destination.startsWith('webhook:') && !without.has(destination))
    .map(([, sessionId, at]) => ({ due: told.get(sessionId)!, at }))
    .filter(({ due }) => due >= begin)
    .map(({ due, at }) => at - due);
}
