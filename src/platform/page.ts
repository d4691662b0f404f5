import type { AnswerSize } from './json-answer.js';
import { array, type JsonObject, object, ShapeError } from './shape.js';

/** An item of a list that cannot be read; the others of its page can. */
export interface RejectedItem {
  id?: string;
  /** Which field, and what it should be; never the value found. */
  problem: string;
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  rejected: RejectedItem[];
  /** Items on the page as it came, rejected ones included: fewer than were asked for means the last page. */
  count: number;
  /** Over all pages, as the service tells it: it may be wrong. Absent when it tells no number. */
  total?: number;
  /** Of the answer that it came in, where the reader asked for it. */
  size?: AnswerSize;
}

/**
 * Reads `{items, total?, …}` or a bare array (hbf-core's documents and answers differ on which).
 *
 * @throws ShapeError on anything else: taken for an empty list, it would stop the session check without an error
 */
export function readPage<T>(answer: unknown, readItem: (item: unknown) => T): Page<T> {
  const envelope: JsonObject = Array.isArray(answer) ? { items: answer } : object(answer, 'answer');
  const raw = array(envelope['items'], 'items');
  const total = readTotal(envelope['total']);
  const page: Page<T> = { items: [], rejected: [], count: raw.length, ...(total !== undefined && { total }) };
  for (const item of raw) {
    try {
      page.items.push(readItem(item));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      page.rejected.push({ ...idOf(item), problem: error.message });
    }
  }
  return page;
}

/** What is no number from 0 tells nothing: the list is read as if it were absent. */
function readTotal(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

function idOf(item: unknown): { id?: string } {
  const id = typeof item === 'object' && item !== null && 'id' in item ? item.id : undefined;
  return typeof id === 'string' && id.length <= 256 ? { id } : {};
}
