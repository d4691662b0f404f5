import { createHash } from 'node:crypto';

/** The kinds of destination: a destination's name up to the first colon. Each has a file in deliveries/channels/. */
export type Channel = 'flow' | 'surveys' | 'analysis' | 'webhook';

export const CHANNELS: readonly Channel[] = ['flow', 'surveys', 'analysis', 'webhook'];

/**
 * pending: to be attempted, now or later. delivered: the destination took it. dead: a dead letter, not attempted any
 * more and kept for redelivery. cancelled: its integration was removed or disabled.
 */
export type DeliveryState = 'pending' | 'delivered' | 'dead' | 'cancelled';

export const DELIVERY_STATES: readonly DeliveryState[] = ['pending', 'delivered', 'dead', 'cancelled'];

/** One attempt, as kept inside its delivery. No payload, no header value. */
export interface AttemptRecord {
  at: Date;
  result: 'delivered' | 'failed';
  statusCode?: number;
  code?: string;
  durationMs: number;
}

/** One request to send a delivery again. */
export interface RedeliveryRecord {
  /** Of the request, which may be for many deliveries. */
  id: string;
  at: Date;
  /** The caller's e-mail address, else id. */
  by: string;
}

/** hbf-core answers that it does not know the session, or its tenant (see missing.ts). */
export interface Missing {
  /** Since the first of the answers that count. */
  since: Date;
  /** Answers that count; 0: none yet. */
  times: number;
}

/** One survey of a session, and what came of its trigger. */
export interface SurveyPart {
  surveyId: string;
  state: 'pending' | 'delivered' | 'dead';
  /** Attempts that had an outcome, since the latest redelivery. */
  attempts: number;
  /** As Delivery.timeouts. */
  timeouts?: number;
  /** Why it is dead. */
  reason?: string;
}

/** One destination's share of a completion, and what came of it. */
export interface Delivery {
  /** `flow:<tenantId>`, `surveys:<tenantId>`, `analysis:<tenantId>` or `webhook:<integrationId>`; unique within the completion. */
  destination: string;
  state: DeliveryState;
  /**
   * Its destination again, while it is pending and nothing has come of it: what Backpressure counts. Absent once an
   * attempt has failed or hbf-core does not know the session: that waits for hours and costs nothing.
   */
  untried?: string;
  /**
   * What lists over an organization, a tenant or all find it by: its state, alone and with its channel (`dead`,
   * `dead:webhook`). Absent where it is delivered, so that the indexes of those lists hold what is not.
   */
  listed?: readonly string[];
  /** When it may next be claimed; while it is claimed, the end of that lease. Only a pending delivery has one. */
  dueAt?: Date;
  /** Of the claim that holds it. An outcome is written only where the token is still the same. */
  token?: string;
  /** Claims since the last outcome: a delivery that ends its process shows here and not in `attempts`. */
  claims: number;
  /** Times since the last outcome that it ran with nothing beside it and the process ended. */
  aloneRuns?: number;
  /** Attempts that had an outcome. */
  attempts: number;
  /** Attempts since the latest redelivery of which nobody knows whether they had an effect: sent, and not answered in time. */
  timeouts?: number;
  /** The value of `attempts` at the latest redelivery: the retry schedule starts anew from there. */
  retriedFrom?: number;
  /** Who asked to send it again, and when: the newest ten, the latest last. */
  redeliveries?: readonly RedeliveryRecord[];
  lastStatus?: number;
  lastError?: string;
  /** While hbf-core answers that it does not know the session: the delivery is postponed. */
  missing?: Missing;
  /** When the last outcome was. */
  at?: Date;
  /** Why it is dead or cancelled. */
  reason?: string;
  /** The newest attempts, at most twenty. */
  log: AttemptRecord[];
  /** The surveys, each with a state of its own; channel `surveys` only. */
  parts?: SurveyPart[];
}

/** The right to attempt a delivery until a time of the database's clock. */
export interface Claim {
  token: string;
  until: Date;
}

const WEBHOOK = 'webhook:';
/** A session's id may hold anything: the first `~` before a channel ends it. */
const DELIVERY_ID = /^(.+?)~((?:flow|surveys|analysis|webhook):.+)$/s;

/** Made once: every delivery that is begun has one. */
const LISTED: Readonly<Record<DeliveryState, ReadonlyMap<Channel, readonly string[]>>> = {
  pending: listsOf('pending'),
  delivered: new Map(),
  dead: listsOf('dead'),
  cancelled: listsOf('cancelled'),
};

export function webhookDestination(integrationId: number): string {
  return WEBHOOK + integrationId;
}

/**
 * A service of the platform, for one tenant: hbf-event-publisher calls the tenant's own flows before it answers, so what
 * is slow or fails there is that tenant's alone. The id is any text, colons included.
 */
export function tenantDestination(channel: Exclude<Channel, 'webhook'>, tenantId: string): string {
  return `${channel}:${tenantId}`;
}

/** @returns the first word, whatever follows the first colon */
export function channelOf(destination: string): Channel {
  const end = destination.indexOf(':');
  return (end < 0 ? destination : destination.slice(0, end)) as Channel;
}

/** What `Delivery.listed` holds. @returns undefined for one that is delivered */
export function listedAs(state: DeliveryState, destination: string): readonly string[] | undefined {
  return LISTED[state].get(channelOf(destination));
}

function listsOf(state: DeliveryState): ReadonlyMap<Channel, readonly string[]> {
  return new Map(CHANNELS.map((channel) => [channel, [listKey(state), listKey(state, channel)]]));
}

/** By which a list of one state finds its deliveries. */
export function listKey(state: DeliveryState, channel?: Channel): string {
  return channel === undefined ? state : `${state}:${channel}`;
}

/** A delivery's id: it names the completion and the destination. */
export function deliveryId(completionId: string, destination: string): string {
  return `${completionId}~${destination}`;
}

/** @returns undefined when the text is no delivery's id */
export function readDeliveryId(id: string): { completionId: string; destination: string } | undefined {
  const [, completionId, destination] = DELIVERY_ID.exec(id) ?? [];
  return completionId === undefined || destination === undefined ? undefined : { completionId, destination };
}

/**
 * The name under which the circuit of one of the platform's services is kept, as of a destination: `flow:*`.
 *
 * @returns undefined for a webhook: its endpoint is its own service
 */
export function serviceOf(destination: string): string | undefined {
  const channel = channelOf(destination);
  return channel === 'webhook' ? undefined : `${channel}:*`;
}

/** @returns undefined for a destination that is no webhook */
export function integrationIdOf(destination: string): number | undefined {
  return destination.startsWith(WEBHOOK) ? Number(destination.slice(WEBHOOK.length)) : undefined;
}

/**
 * The idempotency key that a customer's endpoint sees as `webhook-id`, and the platform's services as `Idempotency-Key`:
 * the same over all attempts of a delivery and its redeliveries, another for each revision. Readable, so that an admin
 * finds the session; hashed if it would not fit a header.
 *
 * @param share the integration's id; `flow`, `analysis` or `survey:<surveyId>`
 */
export function idempotencyKey(completionId: string, share: number | string): string {
  const readable = `${completionId}:${share}`;
  return /^[\w:-]{1,200}$/.test(readable) ? readable : createHash('sha256').update(readable).digest('hex');
}
