import { ValidateBy } from 'class-validator';

/**
 * Building blocks for the DTOs. A rule about the content of a value accepts values of another type: the rule about the
 * type refuses those, once. Messages say what is expected and repeat no value.
 */

/** A rule for texts, such as a length. */
export function TextRule(name: string, holds: (text: string) => boolean, expected: string): PropertyDecorator {
  return rule(name, (value) => typeof value !== 'string' || holds(value), expected);
}

/** A rule for a list as a whole, such as its size. */
export function ListRule(name: string, holds: (list: unknown[]) => boolean, expected: string): PropertyDecorator {
  return rule(name, (value) => !Array.isArray(value) || holds(value), expected);
}

/** A rule for each entry of a list; the message tells which entries break it. */
export function EachRule(name: string, holds: (entry: unknown) => boolean, expected: string): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value: unknown) => !Array.isArray(value) || value.every(holds),
      defaultMessage: (args) => `${positions(args?.value as unknown[], holds)} must be ${expected}`,
    },
  });
}

/** A rule for whole numbers from `min` to `max`. */
export function WholeNumber(min: number, max: number): PropertyDecorator {
  const holds = (value: unknown) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return rule('wholeNumber', holds, `must be a whole number from ${min} to ${max}`);
}

function rule(name: string, holds: (value: unknown) => boolean, expected: string): PropertyDecorator {
  return ValidateBy({ name, validator: { validate: holds, defaultMessage: () => expected } });
}

const MAX_POSITIONS = 10;

function positions(list: unknown[], holds: (entry: unknown) => boolean): string {
  const wrong = list.flatMap((entry, index) => (holds(entry) ? [] : [index]));
  const shown = wrong.slice(0, MAX_POSITIONS).join(', ');
  return `each entry (at ${shown}${wrong.length > MAX_POSITIONS ? ', …' : ''})`;
}
