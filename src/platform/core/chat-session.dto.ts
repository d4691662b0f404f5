import { array, date, type JsonObject, nonEmptyString, object, optional, ShapeError } from '../shape.js';

/**
 * A chat session as hbf-core answers. Only the fields below are checked; `raw` is the whole answer, unchanged.
 * Answers may lack the tenant (write-only in hbf-core) and never have the organization: the caller knows both from its
 * own query.
 */
export interface ChatSession {
  /** The session's uuid. */
  id: string;
  /** Upper case, whatever hbf-core wrote. */
  status: string | undefined;
  lastInteraction: Date;
  /** Undefined when it was not asked for or not told. */
  tenantId: string | undefined;
  containsUserInteraction: boolean;
  subscriberHandle: string | undefined;
  liveChats: LiveChat[];
  raw: JsonObject;
  /** Of the answer that it came in, alone or with others: it is not longer itself. Undefined for an example. */
  answerBytes?: number;
}

/** One live chat of a session. */
export interface LiveChat {
  /** One of hbf-core's LiveChatEventType values, or a newer one. */
  liveChatEventType: string | undefined;
  /** When hbf-core last changed it; absent when that is not told or not readable. */
  updatedAt?: Date;
  /** When the end user last wrote in it; absent likewise. */
  lastEndUserMessageAt?: Date;
}

/** @throws ShapeError naming the first field that is not what it must be */
export function readChatSession(value: unknown, field = 'session'): ChatSession {
  const raw = object(value, field);
  const id = nonEmptyString(raw['id'], `${field}.id`);
  if (id.length > 256) throw new ShapeError(`${field}.id`, 'at most 256 characters');
  const tenant = optional(raw['tenant'], `${field}.tenant`, object);
  optional(raw['messages'], `${field}.messages`, readMessages);
  return {
    id,
    status: optional(raw['status'], `${field}.status`, nonEmptyString)?.toUpperCase(),
    lastInteraction: date(raw['lastInteraction'], `${field}.lastInteraction`),
    tenantId: [raw['tenantId'], tenant?.['id']].find((known) => typeof known === 'string'),
    containsUserInteraction: raw['containsUserInteraction'] === true,
    subscriberHandle: typeof raw['subscriberHandle'] === 'string' ? raw['subscriberHandle'] : undefined,
    liveChats: optional(raw['liveChats'], `${field}.liveChats`, readLiveChats) ?? [],
    raw,
  };
}

function readMessages(value: unknown, field: string): void {
  array(value, field).forEach((message, index) => object(message, `${field}[${index}]`));
}

function readLiveChats(value: unknown, field: string): LiveChat[] {
  return array(value, field).map((entry, index) => {
    const raw = object(entry, `${field}[${index}]`);
    const type = raw['liveChatEventType'];
    const updatedAt = readableDate(raw['updatedAt']);
    const lastEndUserMessageAt = readableDate(raw['lastEndUserMessageAt']);
    return {
      liveChatEventType: typeof type === 'string' ? type.toUpperCase() : undefined,
      ...(updatedAt && { updatedAt }),
      ...(lastEndUserMessageAt && { lastEndUserMessageAt }),
    };
  });
}

/** A session must not be unreadable for one of these: without it, its own last interaction decides. */
function readableDate(value: unknown): Date | undefined {
  const read = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined;
  return read && !Number.isNaN(read.getTime()) ? read : undefined;
}
