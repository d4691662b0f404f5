import { ValidationError } from 'class-validator';
import { ViolationsException, violationsOf } from './violations.js';

const error = (property: string, constraints?: Record<string, string>, children: ValidationError[] = []) =>
  Object.assign(new ValidationError(), { property, constraints, children });

describe('violationsOf', () => {
  it('names the field, entries of lists by their place', () => {
    const nested = error('list', undefined, [error('2', undefined, [error('name', { rule: 'must be short' })])]);
    expect(violationsOf([error('a', { one: 'x', two: 'y' }), nested])).toEqual([
      { field: 'a', message: 'x' },
      { field: 'a', message: 'y' },
      { field: 'list[2].name', message: 'must be short' },
    ]);
  });

  it('says only that it is no list of what should be one', () => {
    const inner = [error('a', { whitelistValidation: '…' })];
    const constraints = { isArray: 'must be a list', nestedValidation: 'n', other: 'o' };
    expect(violationsOf([error('list', constraints, inner)])).toEqual([{ field: 'list', message: 'must be a list' }]);
  });

  it('has words of its own for what class-validator says in code', () => {
    expect(violationsOf([error('x', { whitelistValidation: 'property x should not exist' })])).toEqual([
      { field: 'x', message: 'is not a known property' },
    ]);
    const unknown = Object.assign(new ValidationError(), { constraints: { unknownValue: 'an unknown value…' } });
    expect(violationsOf([unknown])).toEqual([{ field: 'body', message: 'must be a JSON object' }]);
  });

  it('cuts names that the caller made up', () => {
    const [long] = violationsOf([error('n'.repeat(1000), { whitelistValidation: '' })]);
    expect(long).toEqual({ field: `${'n'.repeat(64)}…`, message: 'is not a known property' });
    expect(violationsOf([error('a\r\nb', { rule: 'x' })])).toEqual([{ field: 'a??b', message: 'x' }]);
  });
});

describe('ViolationsException', () => {
  it('says each violation in a line', () => {
    const thrown = new ViolationsException([{ field: 'a[1]', message: 'must be short: at most 3' }]);
    expect([thrown.getStatus(), thrown.lines]).toEqual([400, ['a[1]: must be short: at most 3']]);
  });

  it('cuts a long list', () => {
    const many = new ViolationsException(Array.from({ length: 250 }, (_, i) => ({ field: `p${i}`, message: 'x' })));
    expect([many.violations.length, many.lines.length, many.lines.at(-1)]).toEqual([100, 101, 'and 150 more']);
  });
});
