import type { ExpiryRule } from '../completions/completion.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { HoldReason } from './dry-run.js';
import { decide, expectedEnd, type ExpiryTimes } from './expiry-policy.js';
import type { QuarantinedSession } from './quarantine.schema.js';

/** What session checks do with a session that is open. */
export interface Outlook {
  lastInteraction: Date;
  thresholdSeconds: number;
  /** By which it ends, unless something changes. */
  rule: ExpiryRule;
  /** `active`: it has not been idle for long enough. `due`: the next check completes it. `held`: checks leave it alone. */
  decision: 'active' | 'due' | 'held';
  heldBy?: HoldReason;
  /** When a check first found it held. Absent where none has. */
  heldSince?: Date;
  /** When it ends, or ended, by the rule. Absent while it is in quarantine: nobody knows when it can be completed. */
  endsAt?: Date;
}

/**
 * What the session check decides of an open session: `decide` and the quarantine, in the order of the check.
 *
 * @param quarantined its entry, while it is in quarantine
 * @param heldSince when a check first found that a live chat holds it, if one has
 */
export function outlookOf(
  session: Pick<ChatSession, 'status' | 'lastInteraction' | 'liveChats'>,
  times: ExpiryTimes,
  quarantined: Pick<QuarantinedSession, 'since'> | undefined,
  heldSince: Date | undefined,
): Outlook {
  const { rule, endsAt } = expectedEnd(session, times);
  const facts = { lastInteraction: session.lastInteraction, thresholdSeconds: times.threshold.seconds, rule };
  const { action } = decide(session, times);
  if (action === 'keep') return { ...facts, decision: 'active', endsAt };
  if (action === 'hold') {
    return { ...facts, decision: 'held', heldBy: 'live-chat-open', ...(heldSince && { heldSince }), endsAt };
  }
  if (action === 'complete' && !quarantined) return { ...facts, decision: 'due', endsAt };
  // `reject`: where it is not in quarantine yet, the next check puts it there
  return { ...facts, decision: 'held', heldBy: 'quarantined', ...(quarantined && { heldSince: quarantined.since }) };
}
