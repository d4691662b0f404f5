import type { Channel } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';

/** Consecutive failures that open a circuit. */
const TRIP_AFTER = 5;
const LONGEST_OPEN_MS = 600_000;

/**
 * Whether a destination is attempted at all. closed: it is. open: not until `openUntil`. probing: one real delivery finds
 * out.
 */
export interface Circuit {
  state: 'closed' | 'open' | 'probing';
  /** Consecutive failures. */
  failures: number;
  /** Consecutive openings; each one waits twice as long as the one before. */
  openings: number;
  /** Milliseconds since the epoch. */
  openUntil: number;
  /** When it last began to probe or was closed by another replica; epoch ms. Failures of attempts from before say nothing. */
  since: number;
}

export function closedCircuit(since = 0): Circuit {
  return { state: 'closed', failures: 0, openings: 0, openUntil: 0, since };
}

/** By these a customer's endpoint refuses every delivery alike: its key was changed, or its path is gone. */
const REFUSES_ALL: readonly number[] = [401, 403, 404];

/** What a result says about the destination's health; undefined: nothing. */
export function healthOf(result: DeliveryResult, channel: Channel): 'well' | 'unwell' | undefined {
  if (result.result === 'delivered') return 'well';
  if (result.result !== 'failed') return undefined;
  const { statusCode } = result;
  // Any other 4xx is an answer to this one delivery. Only what says "not now" speaks of the destination as a whole.
  if (statusCode === undefined) return 'unwell';
  if (channel === 'webhook' && REFUSES_ALL.includes(statusCode)) return 'unwell';
  return statusCode >= 500 || statusCode === 429 || statusCode === 408 ? 'unwell' : 'well';
}

/**
 * The circuit after an attempt; the same object where nothing changes.
 *
 * @param baseOpenMs how long the first opening lasts
 * @param startedAt when the attempt began; epoch ms
 */
export function afterAttempt(
  circuit: Readonly<Circuit>,
  health: 'well' | 'unwell',
  now: number,
  baseOpenMs: number,
  startedAt = Infinity,
): Readonly<Circuit> {
  if (health === 'well') {
    if (circuit.state === 'closed' && circuit.failures === 0) return circuit;
    return circuit.state === 'closed' ? { ...circuit, failures: 0 } : closedCircuit(circuit.since);
  }
  if (startedAt < circuit.since) return circuit; // under way since before it probed: perhaps to another URL
  const failures = circuit.failures + 1;
  if (circuit.state === 'closed' && failures < TRIP_AFTER) return { ...circuit, failures };
  if (circuit.state === 'open') return circuit; // an attempt that was under way when it opened
  return openedCircuit({ ...circuit, failures }, now, baseOpenMs);
}

export function openedCircuit({ failures, openings, since }: Circuit, now: number, baseOpenMs: number): Circuit {
  const openMs = Math.min(baseOpenMs * 2 ** openings, LONGEST_OPEN_MS);
  return { state: 'open', failures, openings: openings + 1, openUntil: now + openMs, since };
}
