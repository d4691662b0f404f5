import { type Page, readPage } from '../page.js';
import { type JsonObject, nonEmptyString, object } from '../shape.js';

/** A survey as hbf-core tells it; `raw` is the whole answer, unchanged. */
export interface Survey {
  id: string;
  /** The id of the chat session that it belongs to. */
  sessionId: string | undefined;
  raw: JsonObject;
}

/** @throws ShapeError naming the first field that is not what it must be */
export function readSurvey(value: unknown, field = 'survey'): Survey {
  const raw = object(value, field);
  const session = raw['session'];
  return {
    id: nonEmptyString(raw['id'], `${field}.id`),
    sessionId: typeof session === 'string' ? session : undefined,
    raw,
  };
}

/** Drops surveys of other sessions, should hbf-core list them; a survey of the session that cannot be read is an error. */
export function readSurveyPage(answer: unknown, sessionId: string): Page<Survey> {
  const raw = readPage(answer, (item) => item);
  const mine = raw.items.filter((item) => (item as { session?: unknown } | null)?.session === sessionId);
  return { ...raw, items: mine.map((item) => readSurvey(item)) };
}
