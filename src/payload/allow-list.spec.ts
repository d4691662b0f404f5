import { epochMillis, fields, list, scalar, scalarMap, scalars } from './allow-list.js';

describe('allow-list', () => {
  it('copies known fields of the known kind, null included', () => {
    const read = fields({ a: scalar, b: scalars, c: scalarMap, d: list(fields({ e: scalar })) });
    const known = { a: null, b: ['x', 1, null], c: { own: 2 }, d: [{ e: false }] };
    expect(read({ ...known, f: 'new' })).toEqual(known);
    expect(read({ a: { secret: 1 }, b: [{ secret: 1 }], c: { own: { secret: 1 } }, d: ['x', { secret: 1 }] })).toEqual({
      b: [],
      c: {},
      d: [{}],
    });
  });

  it('takes no field from the prototype and nothing from what is no object', () => {
    expect(fields({ constructor: scalar, toString: () => 'x' })({})).toEqual({});
    for (const value of [null, undefined, 'text', 1, []]) expect(fields({ length: scalar })(value)).toBeUndefined();
  });

  it.each([
    [1_700_000_000_000, 1_700_000_000_000],
    [1_700_000_000, 1_700_000_000],
    [0, 0],
    ['1970-01-01T00:00:01Z', 1000],
    ['1970-01-01T00:00:01.5+00:00', 1500],
    ['1970-01-01T02:00:01.000+0200', 1000],
    ['1970-01-01T00:00:01', 1000],
    ['1970-01-02', 86_400_000],
    ['room 1', undefined],
    ['', undefined],
    ['1970-99-99T00:00:00Z', undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [true, undefined],
    [{}, undefined],
  ])('reads the moment %p as %p', (value, expected) => expect(epochMillis(value)).toBe(expected));
});
