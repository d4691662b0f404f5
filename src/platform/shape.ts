/**
 * Checks of what the platform's services answer: the fields that this service relies on must have the expected type;
 * everything else passes through untouched, unknown enum values and new fields included.
 */

export type JsonObject = Record<string, unknown>;

/** An answer is not of the shape that was expected. It says which field, never the value found there. */
export class ShapeError extends Error {
  constructor(
    readonly field: string,
    readonly expected: string,
  ) {
    super(`${field} must be ${expected}`);
    this.name = 'ShapeError';
  }
}

export function object(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError(field, 'an object');
  return value as JsonObject;
}

export function array(value: unknown, field: string): unknown[] {
  if (!Array.isArray(value)) throw new ShapeError(field, 'an array');
  return value;
}

export function nonEmptyString(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw new ShapeError(field, 'a non-empty string');
  return value;
}

/** Absent and null are the same to hbf-core. */
export function optional<T>(value: unknown, field: string, read: (value: unknown, field: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value, field);
}

/** A date-time string or epoch milliseconds, as a Date. */
export function date(value: unknown, field: string): Date {
  const read = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined;
  if (!read || Number.isNaN(read.getTime())) throw new ShapeError(field, 'a date-time');
  return read;
}
