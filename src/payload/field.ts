import { customerData, fields, list, type Reader, scalar, scalarMap } from './allow-list.js';

/** What a value is. */
export type Shape =
  | { kind: 'text'; format?: 'date-time' | 'email'; known?: readonly string[]; only?: readonly string[] }
  | { kind: 'integer'; minimum?: number }
  | { kind: 'flag'; only?: true }
  /** The customer's own data, of any shape. */
  | { kind: 'any' }
  /** An object with arbitrary names, and such values. */
  | { kind: 'map'; of: 'integer' }
  | { kind: 'object'; of: Structure }
  | { kind: 'list'; of: Shape };

/** What is told of a field beside what it is. */
export interface Notes {
  /** One sentence without its full stop. */
  means: string;
  unit?: string;
  /** When it is not there; undefined: it always is. */
  absent?: string;
  /** Whether null may stand there. */
  nullable?: boolean;
  /** Who tells it. */
  from: string;
}

/** One field of a body. Allow-list, published schema and docs/webhooks.md are made of these, so that they say the same. */
export type Field = Shape & Notes;
export type Fields = Readonly<Record<string, Field>>;

/** An object of known fields. What is not listed does not leave. */
export interface Structure {
  /** In the published schema. */
  name: string;
  /** One sentence. */
  about: string;
  fields: Fields;
}

/** What hbf-core tells, copied as it is; there is no promise that it tells it. */
function told<S extends Shape>(shape: S, means: string, more: Partial<Notes>): S & Notes {
  return { ...shape, means, absent: 'hbf-core has none', nullable: true, from: 'hbf-core', ...more };
}

type More = Partial<Notes>;
export const text = (means: string, { known, ...more }: More & { known?: readonly string[] } = {}) =>
  told({ kind: 'text', ...(known && { known }) }, means, more);
export const email = (means: string, more: More = {}) => told({ kind: 'text', format: 'email' }, means, more);
export const dateTime = (means: string, more: More = {}) => told({ kind: 'text', format: 'date-time' }, means, more);
export const integer = (means: string, more: More = {}) => told({ kind: 'integer' }, means, more);
export const flag = (means: string, more: More = {}) => told({ kind: 'flag' }, means, more);
export const any = (means: string, more: More = {}) => told({ kind: 'any' }, means, more);
export const counts = (means: string, more: More = {}) => told({ kind: 'map', of: 'integer' }, means, more);
export const object = (of: Structure, means: string, more: More = {}) => told({ kind: 'object', of }, means, more);
export const listOf = (of: Shape, means: string, more: More = {}) => told({ kind: 'list', of }, means, more);
export const texts = (means: string, more: More = {}) => listOf({ kind: 'text' }, means, more);
export const objects = (of: Structure, means: string, more: More = {}) => listOf({ kind: 'object', of }, means, more);

/** The allow-list of these fields: copies what hbf-core tells of them, scalars of any kind and null included. */
export function readersOf(listed: Fields): Record<string, Reader> {
  return Object.fromEntries(Object.entries(listed).map(([name, field]) => [name, readerOf(field)]));
}

/** Copies a value of that shape; see allow-list.ts. */
export function readerOf(shape: Shape): Reader {
  switch (shape.kind) {
    case 'any':
      return customerData;
    case 'map':
      return scalarMap;
    case 'object':
      return fields(readersOf(shape.of.fields));
    case 'list':
      return list(readerOf(shape.of));
    default:
      return scalar;
  }
}
