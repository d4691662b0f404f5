import { BadRequestException } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import type { Violation } from './error-body.js';

const MAX_VIOLATIONS = 100;
const MAX_NAME_LENGTH = 64;
const NO_LIST = 'isArray';

/** A request that breaks rules: 400, with every violation, at most 100 of them. */
export class ViolationsException extends BadRequestException {
  readonly violations: Violation[];
  /** Each violation as `field: what is expected`; a last line tells how many more there are. */
  readonly lines: string[];

  constructor(violations: readonly Violation[]) {
    super('the request is not valid');
    this.violations = violations.slice(0, MAX_VIOLATIONS);
    this.lines = this.violations.map(({ field, message }) => `${field}: ${message}`);
    const more = violations.length - MAX_VIOLATIONS;
    if (more > 0) this.lines.push(`and ${more} more`);
  }
}

/**
 * What class-validator found, flat: entries of lists are named as `headers[2].name`. Values are not repeated, and names
 * that the caller made up are cut.
 */
export function violationsOf(errors: readonly ValidationError[]): Violation[] {
  return errors.flatMap((error) => violationsUnder(error, ''));
}

function violationsUnder(error: ValidationError, parent: string): Violation[] {
  const name = error.property === undefined ? 'body' : shown(error.property);
  const field = parent === '' ? name : /^\d+$/.test(name) ? `${parent}[${name}]` : `${parent}.${name}`;
  const constraints = plainest(error.constraints ?? {});
  const own = Object.entries(constraints).map(([rule, text]) => ({ field, message: expectation(rule, text) }));
  const children = NO_LIST in constraints ? [] : (error.children ?? []);
  return [...own, ...children.flatMap((child) => violationsUnder(child, field))];
}

/** A value that is no list gets that one violation; `nestedValidation` is left out where another rule says more. */
function plainest(constraints: Record<string, string>): Record<string, string> {
  const { [NO_LIST]: noList } = constraints;
  if (noList !== undefined) return { [NO_LIST]: noList };
  const { nestedValidation, ...others } = constraints;
  return Object.keys(others).length > 0 || nestedValidation === undefined ? others : { nestedValidation };
}

function expectation(rule: string, text: string): string {
  if (rule === 'whitelistValidation') return 'is not a known property';
  return rule === 'unknownValue' ? 'must be a JSON object' : text;
}

function shown(name: string): string {
  const cut = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
  return cut.replace(/\p{Cc}/gu, '?');
}
