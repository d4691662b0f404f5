import type { HistoryPosition } from '../deliveries/delivery-history.js';

/** A position in a history as text that means nothing to its reader. */
export function cursorOf({ detectedAt, _id }: HistoryPosition): string {
  return Buffer.from(JSON.stringify([detectedAt.getTime(), _id])).toString('base64url');
}

/** @returns undefined when the text is no cursor of ours */
export function positionOf(cursor: string): HistoryPosition | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [time, _id] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (typeof time !== 'number' || typeof _id !== 'string') return undefined;
    const detectedAt = new Date(time);
    return Number.isNaN(detectedAt.getTime()) ? undefined : { detectedAt, _id };
  } catch {
    return undefined; // no JSON
  }
}
