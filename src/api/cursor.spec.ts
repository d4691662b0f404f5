import fc from 'fast-check';
import { cursorOf, positionOf } from './cursor.js';

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a cursor', () => {
  it('brings every position back', () => {
    const position = fc.record({
      foundAt: fc.date({ noInvalidDate: true }),
      _id: fc.string(),
      destination: fc.string(),
    });
    fc.assert(fc.property(position, (one) => expect(positionOf(cursorOf(one))).toEqual(one)));
  });

  it.each([
    '',
    'abc',
    encoded(null),
    encoded({}),
    encoded([]),
    encoded(['1', 'a']),
    encoded([1, 2]),
    encoded([1, 'a']),
    encoded([1, { $gt: '' }, 'b']),
    encoded([9_007_199_254_740_991, 'beyond what a Date can hold', 'b']),
  ])('is nothing else: %s', (text) => {
    expect(positionOf(text)).toBeUndefined();
  });
});
