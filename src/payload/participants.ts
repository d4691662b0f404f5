import type { JsonObject } from '../platform/shape.js';
import { isObject } from './allow-list.js';

/** A party of a chat session, as the webhook body names it. A field that no message tells is null. */
export interface Participant {
  subscriberHandle: string | null;
  name: string | null;
  email: string | null;
  role: 'END_USER' | 'AGENT' | 'BOT';
}

/**
 * Each distinct party of a session, in the order of first messages, then the agents of its live chats that never wrote
 * (docs/platform.md, "The webhook body"). End users with the same handle are one party, and a message without a handle
 * is the session's own subscriber's. Agents with the same e-mail address or the same handle are one party, because a
 * transfer back gives the same person a new handle. The bot is one party. A later message fills in what is null so far.
 *
 * @param session a session as hbf-core gives it; entries of the wrong shape are skipped
 */
export function participantsOf(session: JsonObject): Participant[] {
  const parties = new Parties();
  for (const message of objects(session['messages'])) {
    parties.meet(partyOf(message, text(session['subscriberHandle'])));
  }
  for (const liveChat of objects(session['liveChats'])) {
    const agents: unknown = liveChat['agents'];
    for (const email of Array.isArray(agents) ? agents.map(text) : []) {
      if (email) parties.meet({ subscriberHandle: null, name: null, email, role: 'AGENT' });
    }
  }
  return parties.list;
}

function partyOf(message: JsonObject, sessionHandle: string | null): Participant {
  const handle = text(message['subscriberHandle']);
  const name = text(message['subscriberName']);
  const email = text(message['subscriberEmail']);
  const role = roleOf(message, handle, name);
  const ownHandle = role === 'END_USER' ? (handle ?? sessionHandle) : handle;
  return { subscriberHandle: ownHandle, name, email, role };
}

function roleOf(message: JsonObject, handle: string | null, name: string | null): Participant['role'] {
  const sender = text(message['liveChatSender'])?.toUpperCase();
  if (sender === 'AGENT' || sender === 'END_USER') return sender;
  // a COMMON message named so is the bot's whatever handle it carries; of another category only where it has none
  const common = text(message['category'])?.toUpperCase() === 'COMMON';
  return name === 'bot' && (common || handle === null) ? 'BOT' : 'END_USER';
}

class Parties {
  readonly list: Participant[] = [];
  private readonly known = new Map<string, Participant>();

  meet(party: Participant): void {
    const keys = keysOf(party);
    const found = keys.map((key) => this.known.get(key)).find((entry) => entry !== undefined);
    if (!found) this.list.push(party);
    else complete(found, party);
    for (const key of keys) this.known.set(key, found ?? party);
  }
}

/** A party that has one of these keys in common with a known party is that party. */
function keysOf({ role, subscriberHandle, email, name }: Participant): string[] {
  if (role === 'BOT') return ['BOT'];
  const byHandle = subscriberHandle !== null ? [`${role} handle ${subscriberHandle}`] : [];
  const byEmail = email !== null ? [`${role} email ${email.toLowerCase()}`] : [];
  const keys = role === 'AGENT' ? [...byEmail, ...byHandle] : [...byHandle, ...byEmail].slice(0, 1);
  return keys.length > 0 ? keys : [`${role} name ${name ?? ''}`];
}

function complete(known: Participant, told: Participant): void {
  known.subscriberHandle ??= told.subscriberHandle;
  known.name ??= told.name;
  known.email ??= told.email;
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** hbf-core writes some missing texts as empty ones. */
function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
