import type { DeliveryResult } from '../../completions/transitions.js';

/** Consecutive failures that open a circuit. */
const TRIP_AFTER = 5;
const LONGEST_OPEN_MS = 600_000;
/** A destination that nothing is known of starts with this many attempts at once. */
const INITIAL_LIMIT = 2;
const HIGHEST_LIMIT = 4096;

/**
 * Whether a destination is attempted at all, and how many times at once. closed: up to `limit`, which doubles with each
 * success up to the lane's own. open: not at all until `openUntil`. probing: one real delivery finds out.
 */
export interface Circuit {
  state: 'closed' | 'open' | 'probing';
  limit: number;
  /** Consecutive failures while closed. */
  failures: number;
  /** Consecutive openings; each one waits twice as long as the one before. */
  openings: number;
  /** Milliseconds since the epoch. */
  openUntil: number;
}

export function closedCircuit(): Circuit {
  return { state: 'closed', limit: INITIAL_LIMIT, failures: 0, openings: 0, openUntil: 0 };
}

/** What a result says about the destination's health; undefined: nothing. */
export function healthOf(result: DeliveryResult): 'well' | 'unwell' | undefined {
  if (result.result === 'delivered') return 'well';
  if (result.result !== 'failed') return undefined;
  const { statusCode } = result;
  // A 4xx is an answer to this one delivery. Only what says "not now" speaks of the destination as a whole.
  if (statusCode === undefined) return 'unwell';
  return statusCode >= 500 || statusCode === 429 || statusCode === 408 ? 'unwell' : 'well';
}

/**
 * The circuit after an attempt; the same object where nothing changes.
 *
 * @param baseOpenMs how long the first opening lasts
 */
export function afterAttempt(
  circuit: Readonly<Circuit>,
  health: 'well' | 'unwell',
  now: number,
  baseOpenMs: number,
): Readonly<Circuit> {
  if (health === 'well') {
    if (circuit.state === 'closed') {
      if (circuit.failures === 0 && circuit.limit >= HIGHEST_LIMIT) return circuit;
      return { ...circuit, failures: 0, limit: Math.min(circuit.limit * 2, HIGHEST_LIMIT) };
    }
    return { ...closedCircuit(), limit: 1 }; // the probe was delivered: ramped up slowly, or the backlog overloads it again
  }
  const failures = circuit.failures + 1;
  if (circuit.state === 'closed' && failures < TRIP_AFTER) return { ...circuit, failures, limit: INITIAL_LIMIT };
  if (circuit.state === 'open') return circuit; // an attempt that was under way when it opened
  const openMs = Math.min(baseOpenMs * 2 ** circuit.openings, LONGEST_OPEN_MS);
  return { state: 'open', limit: 1, failures, openings: circuit.openings + 1, openUntil: now + openMs };
}
