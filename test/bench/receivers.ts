import type { LightRequest } from './light-server.js';

/** In which the id of a flow trigger stands. */
const HEAD_BYTES = 256;
const ID = /"id":"([^"]+)"/;
const WEBHOOK_ID = /\r\nwebhook-id: ([^\r]+)/i;
const ANALYSIS = /\/sessions\/([^/]+)\/analyze$/;

/** Which sessions each destination is owed. */
export type Owed = [destination: string, sessionIds: string[]][];

/** What is owed and was not accepted, what was accepted by the wrong one, and what was accepted more than once. */
export interface ReceiverBalance {
  missing: number;
  strangers: number;
  again: number;
}

/** What receivers accepted: destination → session → how often. */
export class ReceiverLedger {
  private readonly accepted = new Map<string, Map<string, number>>();

  /** @returns whether it is the first time */
  accept(destination: string, sessionId: string): boolean {
    let sessions = this.accepted.get(destination);
    if (!sessions) this.accepted.set(destination, (sessions = new Map()));
    const before = sessions.get(sessionId) ?? 0;
    sessions.set(sessionId, before + 1);
    return before === 0;
  }

  balance(owed: Owed): ReceiverBalance {
    const result = { missing: 0, strangers: 0, again: 0 };
    const known = new Set(owed.map(([destination]) => destination));
    for (const [destination, sessionIds] of owed) {
      const heardOf = this.accepted.get(destination) ?? new Map<string, number>();
      const found = sessionIds.filter((id) => heardOf.has(id)).length;
      result.missing += sessionIds.length - found;
      result.strangers += heardOf.size - found;
      for (const count of heardOf.values()) result.again += count - 1;
    }
    for (const [destination, sessions] of this.accepted) {
      if (!known.has(destination)) result.strangers += sessions.size;
    }
    return result;
  }

  clear(): void {
    this.accepted.clear();
  }
}

export function subjectOf({ url, head, begin }: LightRequest): [destination: string, sessionId: string] {
  if (url.startsWith('/hook/')) {
    const id = url.slice('/hook/'.length);
    return [`webhook:${id}`, String(WEBHOOK_ID.exec(head)?.[1]).replace(`:${id}`, '')];
  }
  if (url.startsWith('/connectors/')) return ['flow', String(ID.exec(begin.toString('latin1', 0, HEAD_BYTES))?.[1])];
  return ['analysis', String(ANALYSIS.exec(url)?.[1])];
}
