import type { JsonObject } from '../../platform/shape.js';

/**
 * The small language in which a payload's allow-lists are written. Each reader copies what it knows and answers
 * undefined for anything else, which is then left out: a credential that hbf-core puts under a new name, or as an
 * object where a text was promised, never leaves. No reader throws, and none changes what it is given.
 */
export type Reader = (value: unknown) => unknown;

/** Copies the listed fields of an object, in the list's order. Null stays null; what is no object gives undefined. */
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

/** A list whose entries are read one by one; entries that are not what they must be are left out. */
export function list(read: Reader): (value: unknown) => unknown[] | undefined {
  return (value) => (Array.isArray(value) ? value.map(read).filter((entry) => entry !== undefined) : undefined);
}

export const scalars = list(scalar);

/** An object with keys of the customer's choosing and plain values; itself, where all of them are. */
export const scalarMap: Reader = (value) => {
  if (!isObject(value)) return undefined;
  for (const name in value) {
    if (!isScalar(value[name])) return Object.fromEntries(Object.entries(value).filter(([, entry]) => isScalar(entry)));
  }
  return value;
};

/** The customer's own data, of any shape: it passes as it is. */
export const customerData: Reader = (value) => value;

/**
 * A moment as epoch milliseconds: numbers pass unchanged, date-times are converted (without a zone they are UTC,
 * whatever the zone of this machine). What cannot be read is left out: a null would become 1970 in many a client.
 */
export const epochMillis: Reader = (value) => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !DATE_TIME.test(value)) return undefined;
  const millis = Date.parse(ZONE.test(value) ? value : `${value}Z`);
  return Number.isNaN(millis) ? undefined : millis;
};

// Date.parse alone takes "room 1" for a day in 2001
const DATE_TIME = /^\d{4}-\d\d-\d\d/;
const ZONE = /^.{10}$|(Z|[+-]\d\d:?\d\d)$/i;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
}
