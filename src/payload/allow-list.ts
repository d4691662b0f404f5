import type { JsonObject } from '../platform/shape.js';

/**
 * The building blocks of a payload's allow-lists. A reader returns a copy of a value of the expected shape, and
 * undefined for anything else, which is then left out of the payload. So a credential that hbf-core adds under a new
 * name, or as an object where the API promises a text, does not leave. Readers neither throw nor change their argument.
 */
export type Reader = (value: unknown) => unknown;

/** Copies the listed fields of an object, in the list's order. Null stays null; no object gives undefined. */
export function fields(list: Readonly<Record<string, Reader>>): (value: unknown) => JsonObject | undefined {
  const readers = Object.entries(list);
  return (value) => {
    if (!isObject(value)) return undefined;
    const picked: JsonObject = {};
    for (const [name, read] of readers) {
      const found = value[name];
      if (found === undefined || !Object.hasOwn(value, name)) continue;
      const copy = found === null ? null : read(found);
      if (copy !== undefined) picked[name] = copy;
    }
    return picked;
  };
}

/** A text, number, boolean or null. */
export const scalar: Reader = (value) => (isScalar(value) ? value : undefined);

/** Copies a list entry by entry; entries for which `read` returns undefined are left out. */
export function list(read: Reader): (value: unknown) => unknown[] | undefined {
  return (value) => (Array.isArray(value) ? value.map(read).filter((entry) => entry !== undefined) : undefined);
}

export const scalars = list(scalar);

/** An object with arbitrary keys and scalar values; other values are left out. Returns the object itself if none is. */
export const scalarMap: Reader = (value) => {
  if (!isObject(value)) return undefined;
  for (const name in value) {
    if (!isScalar(value[name])) return Object.fromEntries(Object.entries(value).filter(([, entry]) => isScalar(entry)));
  }
  return value;
};

/** The customer's own data, of any shape, passes as it is. */
export const customerData: Reader = (value) => value;

/**
 * A point in time as epoch milliseconds: numbers pass unchanged, date-times are converted (UTC if they name no zone).
 * What cannot be read is left out, because many clients read null as 1970.
 */
export const epochMillis: Reader = (value) => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !DATE_TIME.test(value)) return undefined;
  const millis = Date.parse(ZONE.test(value) ? value : `${value}Z`);
  return Number.isNaN(millis) ? undefined : millis;
};

// Date.parse alone reads "room 1" as a day in 2001
const DATE_TIME = /^\d{4}-\d\d-\d\d/;
const ZONE = /^.{10}$|(Z|[+-]\d\d:?\d\d)$/i;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
}
