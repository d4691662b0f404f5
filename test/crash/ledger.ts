import type { Collection } from 'mongodb';
import type { AttemptRecord, Completion } from '../../src/deliveries/completion.js';

/** Something that is owed to somebody outside: `who` must hear of it at least once. */
export interface Debt {
  sessionId: string;
  /** As in the completion: `flow`, `surveys`, `analysis`, `webhook:<id>`. */
  destination: string;
  /** One debt for each survey of the session; for the others that of the destination. */
  who: string;
}

/** That somebody outside took in a POST, whatever became of the answer. What he refused is none. */
export interface Reception {
  debt: string;
  at: number;
  webhookId?: string;
}

export function debtKey(sessionId: string, who: string): string {
  return `${sessionId} ${who}`;
}

/** Written by the receivers and the simulator, which no kill reaches. */
export class Ledger {
  readonly debts = new Map<string, Debt>();
  readonly receptions: Reception[] = [];
  private listener: () => void = () => undefined;

  owe(debt: Debt): void {
    this.debts.set(debtKey(debt.sessionId, debt.who), debt);
  }

  note(sessionId: string, who: string, webhookId?: string): void {
    this.receptions.push({ debt: debtKey(sessionId, who), at: Date.now(), ...(webhookId ? { webhookId } : {}) });
    this.listener();
  }

  onReception(listener: () => void): void {
    this.listener = listener;
  }

  byDebt(): Map<string, Reception[]> {
    const result = new Map<string, Reception[]>();
    for (const reception of this.receptions) {
      const known = result.get(reception.debt);
      if (known) known.push(reception);
      else result.set(reception.debt, [reception]);
    }
    return result;
  }

  /** @returns the receptions whose outcome the database does not know (yet) */
  async unrecorded(receptions: readonly Reception[], completions: Collection<Completion>): Promise<Reception[]> {
    const ids = [...new Set(receptions.map(({ debt }) => this.debts.get(debt)?.sessionId ?? ''))];
    const found = await completions.find({ sessionId: { $in: ids } }).toArray();
    const known = new Map(found.map((completion) => [completion.sessionId, completion]));
    return receptions.filter(({ debt, at }) => {
      const owed = this.debts.get(debt);
      return !owed || !isRecorded(owed, at, known.get(owed.sessionId));
    });
  }
}

/** Delivered; or failed because the answer did not come in time: that is an outcome too, and the log shows it. */
function isRecorded({ destination, who }: Debt, heardAt: number, completion: Completion | undefined): boolean {
  const delivery = completion?.deliveries.find((one) => one.destination === destination);
  if (!delivery) return false;
  if (delivery.state === 'delivered' || delivery.triggeredSurveys?.includes(who)) return true;
  return delivery.log.some((attempt) => isUnanswered(attempt) && attempt.at.getTime() >= heardAt);
}

function isUnanswered({ result, statusCode }: AttemptRecord): boolean {
  return result === 'failed' && statusCode === undefined;
}

export interface Balance {
  owed: number;
  /** Debts that nobody outside heard of. */
  missing: string[];
  /** Receptions beyond the first of each debt. */
  duplicates: number;
  /** Heard by somebody to whom nothing is owed. */
  strangers: string[];
  /** Heard under different webhook-ids, or another one than documented. */
  otherIds: string[];
  /** Heard more often than the causes of a repetition allow. */
  withoutCause: string[];
  /** Repetitions because an attempt ended without an answer in time, as the delivery's log tells. */
  unanswered: number;
  /** Given up by the service. */
  dead: string[];
}

/** @param allowed how many repetitions of a debt have a cause, by debt; attempts without an answer aside */
export function balance(
  ledger: Ledger,
  completions: readonly Completion[],
  allowed: ReadonlyMap<string, number>,
): Balance {
  const bySession = new Map(completions.map((completion) => [completion.sessionId, completion]));
  const heard = ledger.byDebt();
  const result: Balance = {
    owed: ledger.debts.size,
    missing: [...ledger.debts.keys()].filter((debt) => !heard.has(debt)),
    duplicates: ledger.receptions.length - heard.size,
    strangers: [...heard.keys()].filter((debt) => !ledger.debts.has(debt)),
    otherIds: [],
    withoutCause: [],
    unanswered: 0,
    dead: completions.flatMap(({ _id, deliveries }) =>
      deliveries
        .filter(({ state }) => state !== 'delivered')
        .map(({ destination, state, reason, lastError }) => `${_id} ${destination} ${state}: ${reason ?? lastError}`),
    ),
  };
  for (const [key, receptions] of heard) {
    const debt = ledger.debts.get(key);
    if (!debt) continue;
    const delivery = bySession.get(debt.sessionId)?.deliveries.find((one) => one.destination === debt.destination);
    const unanswered = delivery?.log.filter(isUnanswered).length ?? 0;
    const again = receptions.length - 1;
    if (again > 0) result.unanswered += Math.min(again, unanswered);
    if (again > (allowed.get(key) ?? 0) + unanswered) {
      const times = receptions.map(({ at }) => new Date(at).toISOString()).join(', ');
      result.withoutCause.push(`${key} at ${times}; log ${JSON.stringify(delivery?.log)}`);
    }
    const id = debt.destination.startsWith('webhook:')
      ? debt.destination.replace('webhook', debt.sessionId)
      : undefined;
    if (receptions.some(({ webhookId }) => webhookId !== id)) result.otherIds.push(key);
  }
  return result;
}
