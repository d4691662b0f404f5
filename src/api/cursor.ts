import type { HistoryPosition } from '../completions/delivery-filter.js';
import { CURSOR } from './schema-rules.js';

/** A position in a history as text: whatever fits CURSOR is one, so that the schema tells which texts are refused. */
export function cursorOf({ foundAt, _id, destination }: HistoryPosition): string {
  return [foundAt.getTime(), encoded(_id), encoded(destination)].join('.');
}

/** @returns undefined when the text is no cursor of ours */
export function readCursor(cursor: string): HistoryPosition | undefined {
  if (!new RegExp(CURSOR).test(cursor)) return undefined;
  const [time, id, destination] = cursor.split('.') as [string, string, string];
  return { foundAt: new Date(Number(time)), _id: decoded(id), destination: decoded(destination) };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8');
}
