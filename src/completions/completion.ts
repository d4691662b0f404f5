import { type Claim, type Delivery, listedAs, type Missing } from './delivery.js';
import { newDelivery } from './transitions.js';

/** Why a delivery is cancelled from the start. */
const DISABLED = 'the integration was disabled when the session ended';

/** Why the session counts as ended. */
export type ExpiryRule = 'tenant-threshold' | 'default-threshold' | 'live-chat-max-idle';

/** An integration that lists the tenant but gets nothing, and why. */
export interface LeftOut {
  integrationId: number;
  reason: string;
}

/** The facts of one session that ended, and of one revision of it. No transcript. */
export interface EndedSession {
  /** The session's id; `<sessionId>:<revision>` from the second revision on. */
  _id: string;
  sessionId: string;
  /** Counts the times this session ended: the user came back, and it ended again. */
  revision: number;
  organizationId: string;
  tenantId: string;
  rule: ExpiryRule;
  thresholdSeconds: number;
  lastInteraction: Date;
  /** Of the live chat that was open to the end; only where `live-chat-max-idle` is the rule. */
  lastSignOfLife?: Date;
  /** When a session check found that it has ended. */
  foundAt: Date;
  leftOut: readonly LeftOut[];
}

/** What an intent holds of one session: no attempt was made yet, so the names of its destinations are enough. */
export interface PlannedCompletion extends EndedSession {
  destinations: readonly string[];
  /** Destinations that get nothing, as their integration is disabled; absent where there are none. */
  cancelled?: readonly string[];
  /** hbf-core does not know the session, as Recovery was told. */
  missing?: Missing;
}

/** The lease under which one process completes sessions, until a time of the database's clock. */
export interface IntentLease {
  lease: string;
  leaseUntil: Date;
}

/**
 * The record of one ended session and revision, kept for good: hbf-core knows that it is COMPLETED, and the outcomes of
 * the first attempts are in it.
 */
export interface Completion extends EndedSession {
  completedAt: Date;
  /** At least one of its deliveries is pending. */
  open: boolean;
  deliveries: readonly Delivery[];
}

/** What is known of an ended session when somebody looks: a completion, or (without `completedAt`) what is intended. */
export interface SessionRecord extends EndedSession {
  completedAt?: Date;
  deliveries: readonly Delivery[];
}

export function completionId(sessionId: string, revision: number): string {
  return revision === 1 ? sessionId : `${sessionId}:${revision}`;
}

/**
 * The deliveries of a session that hbf-core was just told of: those to its destinations first, each claimed under the
 * intent's lease, then those that are cancelled from the start.
 */
export function plannedDeliveries(
  { destinations, cancelled = [] }: Pick<PlannedCompletion, 'destinations' | 'cancelled'>,
  { lease, leaseUntil }: IntentLease,
): Delivery[] {
  const claim: Claim = { token: lease, until: leaseUntil };
  const deliveries = destinations.map((destination) => newDelivery(destination, claim));
  for (const destination of cancelled) deliveries.push(cancelledDelivery(destination));
  return deliveries;
}

/** Written down so that a redelivery can bring it. Nothing was attempted, so no outcome, no error and no mail tells of it. */
function cancelledDelivery(destination: string): Delivery {
  const listed = listedAs('cancelled', destination);
  return { destination, listed, state: 'cancelled', reason: DISABLED, claims: 0, attempts: 0, log: [] };
}

export function completionOf(
  planned: PlannedCompletion,
  completedAt: Date,
  deliveries: readonly Delivery[],
): Completion {
  const open = deliveries.some(({ state }) => state === 'pending');
  // not by a spread: see settle
  return Object.assign({}, planned, {
    destinations: undefined,
    cancelled: undefined,
    missing: undefined,
    completedAt,
    open,
    deliveries,
  });
}
