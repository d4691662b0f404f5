import { createHash } from 'node:crypto';

/** The kinds of destination. Each has a file in channels/. */
export type Channel = 'flow-trigger' | 'survey-trigger' | 'analysis' | 'webhook';

/**
 * owed: still to be paid. delivered: the destination took it. dead: given up, kept for an admin to retry.
 * dropped: not owed any more (its integration was removed or disabled).
 */
export type DeliveryState = 'owed' | 'delivered' | 'dead' | 'dropped';

/** One attempt, as kept inside its delivery. No payload, no header value. */
export interface AttemptRecord {
  at: Date;
  result: 'delivered' | 'failed';
  statusCode?: number;
  code?: string;
  durationMs: number;
}

/** Of the destinations that are no webhook. */
const CHANNELS: Readonly<Record<string, Channel>> = {
  flow: 'flow-trigger',
  surveys: 'survey-trigger',
  analysis: 'analysis',
};
const WEBHOOK = 'webhook:';

/** What is owed to one destination for one session, and what came of it. */
export interface Delivery {
  /** `flow`, `surveys`, `analysis` or `webhook:<integrationId>`; unique within the completion. */
  destination: string;
  channel: Channel;
  integrationId?: number;
  state: DeliveryState;
  /** When somebody may next take it; while it is claimed, the end of that lease. Absent once it is not owed. */
  dueAt?: Date;
  /** Of the claim that holds it. An outcome is written only where the token is still its own. */
  token?: string;
  /** Claims since the last outcome: a delivery that kills its worker shows here and not in `attempts`. */
  claims: number;
  /** Times since the last outcome that it ran with nothing beside it: the process ended while it did. */
  aloneRuns?: number;
  /** Attempts that had an outcome. */
  attempts: number;
  /** What `attempts` was when an admin last asked to send it again: the retry schedule starts anew from there. */
  retriedFrom?: number;
  lastStatus?: number;
  lastError?: string;
  /** When the last outcome was. */
  at?: Date;
  /** Why it is dead or dropped. */
  reason?: string;
  /** The newest attempts, at most twenty. */
  log: AttemptRecord[];
  /** Ids of the surveys that were triggered already; survey-trigger only. */
  triggeredSurveys?: string[];
}

/** Why the session counts as ended. */
export type ExpiryRule = 'tenant-threshold' | 'default-threshold' | 'live-chat-max-idle';

/** An integration that lists the tenant but gets nothing, and why. */
export interface LeftOut {
  integrationId: number;
  reason: string;
}

/**
 * Everything that the service owes and did for one ended session; no transcript. `detected`: the intent is written
 * down, together with its page's (DetectionRepository), hbf-core may or may not know. `completed`: it knows, and the
 * first outcomes are written, too; a document of the collection `completions`.
 */
export interface Completion {
  /** The session's id; `<sessionId>:<revision>` from the second revision on. */
  _id: string;
  sessionId: string;
  /** Counts the times this session ended: the user came back, and it ended again. */
  revision: number;
  organizationId: string;
  tenantId: string;
  state: 'detected' | 'completed';
  /** Something is still owed. */
  open: boolean;
  rule: ExpiryRule;
  thresholdSeconds: number;
  lastInteraction: Date;
  detectedAt: Date;
  completedAt?: Date;
  /** Of the process that is at work on it from detection to the first outcomes. */
  lease?: string;
  leaseUntil?: Date;
  /** Never changed in place: as long as nothing has come of them, the sessions of a page share them. */
  deliveries: readonly Delivery[];
  leftOut: readonly LeftOut[];
}

export function completionId(sessionId: string, revision: number): string {
  return revision === 1 ? sessionId : `${sessionId}:${revision}`;
}

export function webhookDestination(integrationId: number): string {
  return WEBHOOK + integrationId;
}

/**
 * The idempotency key that a customer's endpoint sees as `webhook-id`: the same over all attempts of a delivery, another
 * for each revision and integration. Readable, so that an admin finds the session; hashed if it would not fit a header.
 */
export function idempotencyKey(completionId: string, integrationId: number): string {
  const readable = `${completionId}:${integrationId}`;
  return /^[\w:-]{1,200}$/.test(readable) ? readable : createHash('sha256').update(readable).digest('hex');
}

/** A delivery that nobody has attempted yet: its destination says all that there is to know. */
export function newDelivery(destination: string): Delivery {
  const channel = CHANNELS[destination];
  // claimed once: the process that inserts it makes the first attempt
  if (channel) return { destination, channel, state: 'owed', claims: 1, attempts: 0, log: [] };
  const integrationId = Number(destination.slice(WEBHOOK.length));
  return { destination, channel: 'webhook', integrationId, state: 'owed', claims: 1, attempts: 0, log: [] };
}
