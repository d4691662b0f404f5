import { BadRequestException } from '@nestjs/common';
import type { HistoryPosition } from '../deliveries/delivery-history.js';

/** A position in a history as text that means nothing to its reader. */
export function cursorOf({ detectedAt, _id }: HistoryPosition): string {
  return Buffer.from(JSON.stringify([detectedAt.getTime(), _id])).toString('base64url');
}

/** @throws BadRequestException when the text is no cursor of ours */
export function positionOf(cursor: string): HistoryPosition {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [time, id] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (Number.isSafeInteger(time) && typeof id === 'string') return { detectedAt: new Date(time as number), _id: id };
  } catch {
    // told below
  }
  throw new BadRequestException(['cursor: must be the nextCursor of the page before']);
}
