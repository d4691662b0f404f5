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

/** `complete`: it has ended, by that rule. `hold`: it would have, but a live chat is open. `keep`: it has not. */
export type ExpiryDecision = { action: 'complete'; rule: ExpiryRule } | { action: 'hold' } | { action: 'keep' };

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
    : { seconds: expireAfterSeconds, rule: 'tenant-threshold' };
}

/**
 * When a session had ended by its rule. The threshold waits for an open live chat, which may last so long that its own
 * limit decides.
 */
export function endOf(
  { rule, thresholdSeconds, lastInteraction }: Pick<EndedSession, 'rule' | 'thresholdSeconds' | 'lastInteraction'>,
  liveChatMaxIdleMs: number,
): Date {
  const liveChatMs = rule === 'live-chat-max-idle' ? liveChatMaxIdleMs : 0;
  return new Date(lastInteraction.getTime() + Math.max(thresholdSeconds * 1000, liveChatMs));
}

/** An unknown event counts as open: a session with a human on it must not be ended by mistake. */
export function isOpen(liveChat: LiveChat): boolean {
  return liveChat.liveChatEventType === undefined || !CLOSED_LIVE_CHAT.has(liveChat.liveChatEventType);
}

/** Whether a session has ended. hbf-core's filters are not relied upon: status and time are looked at again. */
export function decide(
  session: Pick<ChatSession, 'status' | 'lastInteraction' | 'liveChats'>,
  { now, threshold, liveChatMaxIdleMs }: ExpiryTimes,
): ExpiryDecision {
  const idleMs = now - session.lastInteraction.getTime();
  const active = session.status === undefined || session.status === 'ACTIVE';
  if (!active || idleMs <= threshold.seconds * 1000) return { action: 'keep' };
  if (!session.liveChats.some(isOpen)) return { action: 'complete', rule: threshold.rule };
  return idleMs > liveChatMaxIdleMs ? { action: 'complete', rule: 'live-chat-max-idle' } : { action: 'hold' };
}
