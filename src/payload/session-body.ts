import type { ChatSession } from '../platform/core/chat-session.dto.js';
import type { JsonObject } from '../platform/shape.js';
import { isObject } from './allow-list.js';
import { JsonBytes } from './json-bytes.js';
import { participantsOf } from './participants.js';
import { LISTS } from './public-session.js';
import { buildWebhookPayload, type WebhookPayloadInput } from './session-payload.js';

/** Sessions of longer answers are serialised part by part, which takes longer for short ones. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** Entries of a list that are copied at once. */
const ENTRIES = 64;
/** Characters of a text that is written in parts. */
const LONG = 64 * 1024;
/** Where the last member of a webhook's body begins; its own text does not hold this. */
const WEBHOOK_MEMBER = ',"webhook":{';
const END = Buffer.from('}');
/** A flow's body up to this length is one copied buffer. */
const COPIED_BYTES = 64 * 1024;

/**
 * The body of a session's webhooks: the bytes of buildWebhookPayload's JSON. Of a large session neither the copy nor the
 * text is ever there as a whole: its lists are copied, written and let go of part by part.
 */
export function sessionBody(input: WebhookPayloadInput): Buffer {
  return (input.session.answerBytes ?? 0) > LARGE_BYTES
    ? largeSessionBody(input)
    : Buffer.from(JSON.stringify(buildWebhookPayload(input)));
}

/**
 * The body of the session's flow trigger, which is the webhooks' without the member `webhook`. The webhooks' body is
 * signed and sent by every webhook as one buffer, so that one is kept, and this one is made of it for each attempt: of a
 * short body as a copy, of a long one as a view of its bytes and the brace that ends it, which takes no memory.
 *
 * @param body as sessionBody makes it; not changed
 */
export function flowBody(body: Buffer): Buffer | readonly Buffer[] {
  const parts = [body.subarray(0, body.lastIndexOf(WEBHOOK_MEMBER)), END];
  return body.length <= COPIED_BYTES ? Buffer.concat(parts) : parts;
}

/** As sessionBody, whatever the length. */
export function largeSessionBody(input: WebhookPayloadInput): Buffer {
  const { raw } = input.session;
  const payload = buildWebhookPayload({ ...input, session: withoutEntries(input.session) });
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
