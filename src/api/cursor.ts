import type { HistoryPosition } from '../completions/delivery-filter.js';

/** A position in a history as opaque text. */
export function cursorOf({ foundAt, _id, destination }: HistoryPosition): string {
  return Buffer.from(JSON.stringify([foundAt.getTime(), _id, destination])).toString('base64url');
}

/** @returns undefined when the text is no cursor of ours */
export function positionOf(cursor: string): HistoryPosition | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [time, _id, destination] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (typeof time !== 'number' || typeof _id !== 'string' || typeof destination !== 'string') return undefined;
    const foundAt = new Date(time);
    return Number.isNaN(foundAt.getTime()) ? undefined : { foundAt, _id, destination };
  } catch {
    return undefined; // no JSON
  }
}
