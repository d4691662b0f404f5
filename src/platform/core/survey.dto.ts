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
