import type { JsonObject } from '../../platform/shape.js';
import { isObject } from './allow-list.js';

/** A party of a chat session, as the webhook body names it. What is not known is null. */
export interface Participant {
  subscriberHandle: string | null;
  name: string | null;
  email: string | null;
  role: 'END_USER' | 'AGENT' | 'BOT';
}

/**
 * Each distinct party of a session, in order of first message, then agents of its live chats that never wrote.
 * An end user is known by the handle (messages without one are the session's own subscriber's), an agent by e-mail or
 * handle (a transfer back gives the same person a new handle), the bot is one. What a later message tells about a
 * party that was incomplete so far is filled in. (platform-facts.md, "The webhook body"; seed 004.)
 *
 * @param session a session as hbf-core gives it; entries of the wrong shape are passed over
 */
export function participantsOf(session: JsonObject): Participant[] {
  const parties = new Parties();
  const lately: JsonObject[] = [];
  for (const message of objects(session['messages'])) {
    if (lately.some((one) => isOfSameParty(one, message))) continue;
    parties.meet(partyOf(message, text(session['subscriberHandle'])));
    if (lately.unshift(message) > LATELY) lately.pop();
  }
  for (const liveChat of objects(session['liveChats'])) {
    const agents: unknown = liveChat['agents'];
    for (const email of Array.isArray(agents) ? agents.map(text) : []) {
      if (email) parties.meet({ subscriberHandle: null, name: null, email, role: 'AGENT' });
    }
  }
  return parties.list;
}

/** Two or three parties take turns: to recognise their last messages costs a fifth of making out each one's party. */
const LATELY = 4;

function isOfSameParty(one: JsonObject, other: JsonObject): boolean {
  return (
    one['subscriberHandle'] === other['subscriberHandle'] &&
    one['subscriberName'] === other['subscriberName'] &&
    one['subscriberEmail'] === other['subscriberEmail'] &&
    one['liveChatSender'] === other['liveChatSender']
  );
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
  return name === 'bot' && handle === null ? 'BOT' : 'END_USER';
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

/** The names under which a party is recognised. */
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

/** The empty text counts as not told. */
function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
