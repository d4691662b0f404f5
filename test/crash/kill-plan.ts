import { Random } from '../support/random.js';

export type Victim = 'service' | 'database' | 'both';

/**
 * When a kill comes: so long after the service was spawned, after it was ready, after hbf-core was asked to complete
 * sessions for the nth time, or after a delivery arrived for the nth time. Counted from the kill before; `ms` comes on top.
 */
export interface Moment {
  after: 'spawn' | 'ready' | 'completing' | 'arrival';
  nth: number;
  ms: number;
}

export interface Kill {
  victim: Victim;
  moment: Moment;
  /** How long the database stays away, milliseconds; starting it comes on top. */
  awayMs: number;
}

export interface KillCounts {
  service: number;
  database: number;
  both: number;
}

/** Pure: the same seed gives the same kills in the same order. */
export function planKills(random: Random, counts: KillCounts): Kill[] {
  const victims = Object.entries(counts).flatMap(([victim, count]) => Array<Victim>(count).fill(victim as Victim));
  for (let i = victims.length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [victims[i], victims[j]] = [victims[j]!, victims[i]!];
  }
  return victims.map((victim) => ({ victim, moment: moment(random), awayMs: random.integer(0, 1_500) }));
}

function moment(random: Random): Moment {
  const dice = random.next();
  if (dice < 0.1) return { after: 'spawn', nth: 0, ms: random.integer(100, 2_000) };
  if (dice < 0.25) return { after: 'ready', nth: 0, ms: random.integer(0, 2_500) };
  const ms = random.chance(0.4) ? 0 : random.integer(1, 300);
  if (dice < 0.5) return { after: 'completing', nth: random.integer(1, 6), ms };
  return { after: 'arrival', nth: random.integer(1, 40), ms };
}
