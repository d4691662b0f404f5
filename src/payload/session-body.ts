import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { isObject } from './allow-list.js';
import { JsonBytes } from './json-bytes.js';
import { participantsOf } from './participants.js';
import { LISTS } from './public-session.js';
import { buildSessionPayload, type SessionPayloadInput } from './session-payload.js';

/** Sessions of longer answers are serialised part by part, which takes longer for short ones. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** Entries of a list that are copied at once. */
const ENTRIES = 64;
/** Characters of a text that is written in parts. */
const LONG = 64 * 1024;

/**
 * The body of webhooks and flow triggers: the bytes of buildSessionPayload's JSON. Of a large session neither the copy nor
 * the text is ever there as a whole: its lists are copied, written and let go of part by part.
 */
export function sessionBody(input: SessionPayloadInput): Buffer {
  return (input.session.answerBytes ?? 0) > LARGE_BYTES
    ? largeSessionBody(input)
    : Buffer.from(JSON.stringify(buildSessionPayload(input)));
}

/** As sessionBody, whatever the length. */
export function largeSessionBody(input: SessionPayloadInput): Buffer {
  const { raw } = input.session;
  const payload = buildSessionPayload({ ...input, session: withoutEntries(input.session) });
  payload['participants'] = participantsOf(raw);
  const json = new JsonBytes();
  json.object(payload, (name, member) => {
    const read = LISTS.get(name);
    const entries = raw[name];
    if (read && Array.isArray(entries)) writeList(json, entries, read);
    else json.value(member);
  });
  return json.bytes();
}

/** The session with its lists empty, so that each has its place in the payload. */
function withoutEntries(session: ChatSession): ChatSession {
  const raw: JsonObject = { ...session.raw };
  for (const name of LISTS.keys()) if (Array.isArray(raw[name])) raw[name] = [];
  return { ...session, raw };
}

function writeList(json: JsonBytes, entries: unknown[], read: (value: unknown) => unknown[] | undefined): void {
  json.list((item) => {
    for (let from = 0; from < entries.length; from += ENTRIES) {
      for (const entry of read(entries.slice(from, from + ENTRIES)) ?? [])
        item(() => json.value(entry, isShort(entry) ? 0 : undefined));
    }
  });
}

/** Whether an entry may be made into one text: nothing in it is long, as far as can be seen at a glance. */
function isShort(entry: unknown): boolean {
  for (const member of Object.values(entry as object)) {
    if (typeof member === 'string' ? member.length > LONG : isObject(member)) return false;
  }
  return true;
}
