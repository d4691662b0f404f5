import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { ViolationsException } from './violations.js';

/** Of a request's body, in bytes; the body parser refuses what is larger with 413. */
export const MAX_BODY_BYTES = 256 * 1024;
const MAX_DEPTH = 32;

export const NO_OBJECT = 'must be a JSON object, sent as application/json';

type Dto = abstract new (...args: never[]) => object;

const ignored = new WeakMap<object, readonly string[]>();
const optional = new WeakSet<object>();

/** For a body's type: members that are taken out before the validation, which refuses those that the type lacks. */
export function Ignores(names: readonly string[]): (dto: Dto) => void {
  return (dto) => void ignored.set(dto, names);
}

/** For a body's type: a request without a body is as good as one with `{}`. */
export function Optional(): (dto: Dto) => void {
  return (dto) => void optional.add(dto);
}

/**
 * Refuses a body that is no JSON object, and any value that is nested so deep that walking it would exhaust the stack.
 * It runs before the validation, which walks.
 */
export class BodyPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (isDeeperThan(value, MAX_DEPTH)) throw refusal('is nested too deep');
    if (type !== 'body') return value;
    if (value === undefined && metatype && optional.has(metatype)) return {};
    if (!isObject(value)) throw refusal(NO_OBJECT);
    return without(value, (metatype && ignored.get(metatype)) ?? []);
  }
}

function without(value: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function refusal(message: string): ViolationsException {
  return new ViolationsException([{ field: 'body', message }]);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
