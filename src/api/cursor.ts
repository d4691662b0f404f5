import type { HistoryPosition } from '../completions/delivery-history.js';

/** A position in a history as opaque text. */
export function cursorOf({ foundAt, _id }: HistoryPosition): string {
  return Buffer.from(JSON.stringify([foundAt.getTime(), _id])).toString('base64url');
}

/** @returns undefined when the text is no cursor of ours */
export function positionOf(cursor: string): HistoryPosition | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [time, _id] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (typeof time !== 'number' || typeof _id !== 'string') return undefined;
    const foundAt = new Date(time);
    return Number.isNaN(foundAt.getTime()) ? undefined : { foundAt, _id };
  } catch {
    return undefined; // no JSON
  }
}
