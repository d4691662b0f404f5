import type { Delivery } from '../completions/delivery.js';
import type { DeliveryResult } from '../completions/transitions.js';

/** Claims without an outcome after which a delivery runs with nothing beside it. */
const ALONE_AFTER = 2;
/** Runs with nothing beside it, each of them ended by the end of the process, after which it is dead. */
const DEAD_AFTER_ALONE = 4;

/** Whether a delivery, as just claimed, may have ended its process before and must run with nothing beside it. */
export function mustRunAlone({ claims }: Pick<Delivery, 'claims'>): boolean {
  return claims - 1 >= ALONE_AFTER;
}

/**
 * A delivery that ended its process each time it ran with nothing beside it is not attempted again. Claims alone prove
 * nothing: what waited in memory beside it was claimed too.
 *
 * @returns undefined: it may be attempted
 */
export function poisonResult({ claims, aloneRuns = 0 }: Delivery): DeliveryResult | undefined {
  if (aloneRuns < DEAD_AFTER_ALONE) return undefined;
  const message = `claimed ${claims - 1} times without an outcome: each time the process ended first`;
  return { result: 'impossible', code: 'no_outcome', message };
}
