import fc from 'fast-check';
import { cursorOf, readCursor } from './cursor.js';

describe('a cursor', () => {
  it('brings every position back', () => {
    const foundAt = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(999_999_999_999_999) });
    const position = fc.record({ foundAt, _id: fc.string(), destination: fc.string() });
    fc.assert(fc.property(position, (one) => expect(readCursor(cursorOf(one))).toEqual(one)));
  });

  it.each(['0..', '999999999999999..', '1.A.A', '1.____.'])('is whatever fits its pattern: %s', (text) => {
    expect(Number.isNaN(readCursor(text)!.foundAt.getTime())).toBe(false);
  });

  it.each([
    '',
    'abc',
    '1',
    '.YQ.YQ',
    '-1.YQ.YQ',
    '1e3.YQ.YQ',
    '1.YQ==.YQ',
    '1.YQ',
    '1.Y.Q.Q',
    '9999999999999999.YQ.YQ',
    'WzEsImEiXQ',
    '1.YQ.YQ\n',
  ])('is nothing else: %j', (text) => {
    expect(readCursor(text)).toBeUndefined();
  });
});
