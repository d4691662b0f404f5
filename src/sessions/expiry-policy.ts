import type { EndedSession, ExpiryRule } from '../completions/completion.js';
import type { ChatSession, LiveChat } from '../platform/core/chat-session.dto.js';
import type { Tenant } from '../platform/core/tenant.dto.js';

/** Live-chat events after which nobody is on the chat any more (docs/platform.md, "Live chats"). */
const CLOSED_LIVE_CHAT: ReadonlySet<string> = new Set([
  'LIVECHAT_TERMINATED',
  'LIVECHAT_ABANDONED',
  'LIVECHAT_REQUEST_MISSED',
  'LIVECHAT_REQUEST_CLOSED',
  'LIVECHAT_IS_DISABLED',
  'LIVECHAT_OUT_OF_BUSINESS_HOURS',
  'LIVECHAT_REQUEST_EXISTS',
  'LIVECHAT_GENERIC_ERROR',
]);

export interface ExpiryThreshold {
  seconds: number;
  rule: 'tenant-threshold' | 'default-threshold';
}

export interface ExpiryTimes {
  /** Epoch milliseconds. */
  now: number;
  threshold: ExpiryThreshold;
  liveChatMaxIdleMs: number;
}

/**
 * `complete`: it has ended, by that rule. `hold`: it would have, but a live chat is open. `keep`: it has not. `reject`: its
 * last interaction cannot be true, so nothing can be said of it; it belongs into quarantine.
 */
export type ExpiryDecision =
  | { action: 'complete'; rule: ExpiryRule }
  | { action: 'hold' }
  | { action: 'keep' }
  | { action: 'reject'; problem: string };

/** No session is older than the platform: an earlier time is a clock that was never set, or a unit that was mistaken. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** A hundred years, which is as good as never: times before the first date that can be told cannot be asked for. */
const LONGEST_SECONDS = 100 * 365 * 86_400;
/** Times further ahead than this are not explained by clocks that differ. */
const AHEAD_AT_MOST_MS = 86_400_000;

/**
 * The tenant's own inactivity threshold, else the default (docs/platform.md, "What the service does"). Where the tenant's
 * settings cannot be read, the longer of the threshold that was known last and the default: never a shorter one.
 */
export function thresholdOf(
  { expireAfterSeconds, unreadable }: Pick<Tenant, 'expireAfterSeconds' | 'unreadable'>,
  defaultSeconds: number,
): ExpiryThreshold {
  const tooShort = unreadable?.settings !== undefined && (expireAfterSeconds ?? 0) < defaultSeconds;
  return expireAfterSeconds === undefined || tooShort
    ? { seconds: defaultSeconds, rule: 'default-threshold' }
    : { seconds: Math.min(expireAfterSeconds, LONGEST_SECONDS), rule: 'tenant-threshold' };
}

/**
 * When a session had ended by its rule. The threshold waits for an open live chat, which may last so long that its own
 * limit decides, counted from its last sign of life.
 */
export function endOf(
  ended: Pick<EndedSession, 'rule' | 'thresholdSeconds' | 'lastInteraction' | 'lastSignOfLife'>,
  liveChatMaxIdleMs: number,
): Date {
  const { rule, thresholdSeconds, lastInteraction, lastSignOfLife = lastInteraction } = ended;
  const byThreshold = lastInteraction.getTime() + thresholdSeconds * 1000;
  if (rule !== 'live-chat-max-idle') return new Date(byThreshold);
  return new Date(Math.max(byThreshold, lastSignOfLife.getTime() + liveChatMaxIdleMs));
}

/**
 * Since when a session with an open live chat is idle: the latest of its last interaction and of what its open live chats
 * tell. A time more than a day in the future is passed over, or its session would be held for as long.
 *
 * @param now epoch milliseconds
 */
export function lastSignOfLife(session: Pick<ChatSession, 'lastInteraction' | 'liveChats'>, now: number): Date {
  const signs = session.liveChats
    .filter(isOpen)
    .flatMap(({ updatedAt, lastEndUserMessageAt }) => [updatedAt, lastEndUserMessageAt])
    .filter((sign) => sign !== undefined && sign.getTime() - now <= AHEAD_AT_MOST_MS)
    .map((sign) => sign!.getTime());
  return new Date(Math.max(session.lastInteraction.getTime(), ...signs));
}

/** An unknown event counts as open: a session with a human on it must not be ended by mistake. */
export function isOpen(liveChat: LiveChat): boolean {
  return liveChat.liveChatEventType === undefined || !CLOSED_LIVE_CHAT.has(liveChat.liveChatEventType);
}

/** A session without a status counts as open: hbf-core was asked for ACTIVE ones. */
export function isActive({ status }: Pick<ChatSession, 'status'>): boolean {
  return status === undefined || status === 'ACTIVE';
}

/**
 * By which rule an open session ends, and after which time `decide` completes it, if nobody writes and its live chats stay
 * as they are.
 */
export function expectedEnd(
  session: Pick<ChatSession, 'lastInteraction' | 'liveChats'>,
  { now, threshold, liveChatMaxIdleMs }: ExpiryTimes,
): { rule: ExpiryRule; endsAt: Date } {
  const rule: ExpiryRule = session.liveChats.some(isOpen) ? 'live-chat-max-idle' : threshold.rule;
  const { lastInteraction } = session;
  const ended = { rule, lastInteraction, thresholdSeconds: threshold.seconds };
  return { rule, endsAt: endOf({ ...ended, lastSignOfLife: lastSignOfLife(session, now) }, liveChatMaxIdleMs) };
}

/** Whether a session has ended. hbf-core's filters are not relied upon: status and time are looked at again. */
export function decide(
  session: Pick<ChatSession, 'status' | 'lastInteraction' | 'liveChats'>,
  { now, threshold, liveChatMaxIdleMs }: ExpiryTimes,
): ExpiryDecision {
  if (!isActive(session)) return { action: 'keep' };
  const lastInteraction = session.lastInteraction.getTime();
  const idleMs = now - lastInteraction;
  if (lastInteraction < EARLIEST_MS) return reject('lies before the year 2000');
  if (-idleMs > AHEAD_AT_MOST_MS) return reject('lies more than a day in the future');
  if (idleMs <= threshold.seconds * 1000) return { action: 'keep' };
  if (!session.liveChats.some(isOpen)) return { action: 'complete', rule: threshold.rule };
  const silentMs = now - lastSignOfLife(session, now).getTime();
  return silentMs > liveChatMaxIdleMs ? { action: 'complete', rule: 'live-chat-max-idle' } : { action: 'hold' };
}

function reject(what: string): ExpiryDecision {
  return { action: 'reject', problem: `lastInteraction ${what}` };
}
