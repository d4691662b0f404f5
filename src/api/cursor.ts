import type { HistoryPosition } from '../completions/delivery-history.js';
import { CURSOR } from './schema-rules.js';

/** A position in a history as text: whatever fits CURSOR is one, so that the schema tells which texts are refused. */
export function cursorOf({ foundAt, _id }: HistoryPosition): string {
  return `${foundAt.getTime()}.${Buffer.from(_id).toString('base64url')}`;
}

/** @returns undefined when the text is no cursor of ours */
export function positionOf(cursor: string): HistoryPosition | undefined {
  if (!new RegExp(CURSOR).test(cursor)) return undefined;
  const [time, id] = cursor.split('.') as [string, string];
  return { foundAt: new Date(Number(time)), _id: Buffer.from(id, 'base64url').toString('utf8') };
}
