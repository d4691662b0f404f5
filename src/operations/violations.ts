import type { ValidationError } from 'class-validator';

const MAX_VIOLATIONS = 100;
const MAX_NAME_LENGTH = 64;
const NO_LIST = 'isArray';

/**
 * Each violation as one line, `field: what is expected`, entries of lists as `headers[2].name`. Values are not
 * repeated; names that the caller made up are cut, and so is a list that would be longer than its reader's patience.
 */
export function violationsOf(errors: readonly ValidationError[]): string[] {
  const all = errors.flatMap((error) => linesOf(error, ''));
  const more = all.length - MAX_VIOLATIONS;
  return more > 0 ? [...all.slice(0, MAX_VIOLATIONS), `and ${more} more`] : all;
}

function linesOf(error: ValidationError, parent: string): string[] {
  const name = error.property === undefined ? 'body' : shown(error.property);
  const path = parent === '' ? name : /^\d+$/.test(name) ? `${parent}[${name}]` : `${parent}.${name}`;
  const constraints = plainest(error.constraints ?? {});
  const own = Object.entries(constraints).map(([rule, text]) => `${path}: ${expectation(rule, text)}`);
  const children = NO_LIST in constraints ? [] : (error.children ?? []);
  return [...own, ...children.flatMap((child) => linesOf(child, path))];
}

/** That it is no list is all there is to say of what should be one; "not nested" says less than any other rule. */
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
