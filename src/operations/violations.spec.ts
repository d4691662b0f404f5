import type { ValidationError } from 'class-validator';
import { violationsOf } from './violations.js';

const error = (property: string, constraints?: Record<string, string>, children: ValidationError[] = []) =>
  ({ property, constraints, children }) as ValidationError;

describe('violationsOf', () => {
  it('names the field, entries of lists by their place', () => {
    const nested = error('list', undefined, [error('2', undefined, [error('name', { rule: 'must be short' })])]);
    expect(violationsOf([error('a', { one: 'x', two: 'y' }), nested])).toEqual([
      'a: x',
      'a: y',
      'list[2].name: must be short',
    ]);
  });

  it('says only that it is no list of what should be one', () => {
    const inner = [error('a', { whitelistValidation: '…' })];
    const constraints = { isArray: 'must be a list', nestedValidation: 'n', other: 'o' };
    expect(violationsOf([error('list', constraints, inner)])).toEqual(['list: must be a list']);
  });

  it('has words of its own for what class-validator says in code', () => {
    expect(violationsOf([error('x', { whitelistValidation: 'property x should not exist' })])).toEqual([
      'x: is not a known property',
    ]);
    expect(
      violationsOf([{ constraints: { unknownValue: 'an unknown value…' } } as unknown as ValidationError]),
    ).toEqual(['body: must be a JSON object']);
  });

  it('cuts names that the caller made up, and the list', () => {
    const [line] = violationsOf([error(`${'n'.repeat(1000)}`, { whitelistValidation: '' })]);
    expect(line).toBe(`${'n'.repeat(64)}…: is not a known property`);
    expect(violationsOf([error('a\r\nb', { rule: 'x' })])).toEqual(['a??b: x']);
    const many = violationsOf(Array.from({ length: 250 }, (_, i) => error(`p${i}`, { rule: 'x' })));
    expect([many.length, many.at(-1)]).toEqual([101, 'and 150 more']);
  });
});
