import fc from 'fast-check';
import { checkCost, jsonCost, MAX_DEPTH, neededBytes } from './json-cost.js';

const costOf = (text: string) => jsonCost(Buffer.from(text));

/** As jsonCost is promised to count, but over what JSON.parse makes of the text. Every name counts here. */
function count(value: unknown): { values: number; depth: number } {
  if (typeof value !== 'object' || value === null) return { values: 1, depth: 0 };
  const below = Object.values(value).map(count);
  const names = Array.isArray(value) ? 0 : below.length;
  const values = below.reduce((sum, one) => sum + one.values, 1 + names);
  return { values, depth: 1 + Math.max(0, ...below.map(({ depth }) => depth)) };
}

describe('jsonCost', () => {
  it('counts values and levels as JSON.parse finds them, however the text is laid out', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const { values, depth, bytes } = costOf(text);
        const all = count(JSON.parse(text));
        expect({ depth, bytes }).toEqual({ depth: all.depth, bytes: Buffer.byteLength(text) });
        expect(values).toBeLessThanOrEqual(all.values); // repeated names cost nothing
      }),
    );
  });

  it.each([
    ['7', 1],
    ['[]', 1],
    ['[ \n ]', 1],
    ['[{},{},{}]', 4],
    ['["a","b"]', 3],
    ['{"a":1,"b":[true,null]}', 7],
    ['[{"name":1},{"name":2},{"name":3}]', 8],
    ['[{"1":1},{"1":1}]', 7],
    ['["a\\\\","\\"b,[{"]', 3],
  ])('counts each value, and each name that is new or a number: %s', (text, values) => {
    expect(costOf(text).values).toBe(values);
  });

  it('takes no notice of what stands inside a text, however long and wherever its quotes and backslashes are', () => {
    const part = fc.constantFrom('{', '[', ']', '"', '\\', ',', ':', 'x'.repeat(63), 'x'.repeat(64), 'é', '\u0001');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { values, depth, wide } = costOf(JSON.stringify([parts.join(''), 1]));
        expect({ values, depth, wide }).toEqual({ values: 3, depth: 1, wide: false });
      }),
    );
  });

  it.each([
    ['plain', false],
    ['ÿ is the last narrow one', false],
    ['\\u00ff', false],
    ['\\\\u0394', false],
    ['Ā is the first wide one', true],
    ['Καλημέρα', true],
    ['😀', true],
    ['\\u0100', true],
    ['\\uD83D', true],
  ])('sees whether a character above U+00FF occurs: %s', (text, wide) => {
    expect(costOf(`["${text}"]`).wide).toBe(wide);
    expect(costOf(`["${'x'.repeat(1_000)}${text}"]`).wide).toBe(wide);
  });

  it('reads what is no JSON to its end', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => jsonCost(Buffer.from(bytes)).bytes === bytes.length));
    expect(costOf('')).toEqual({ bytes: 0, values: 0, depth: 0, wide: false });
  });
});

describe('checkCost', () => {
  it('estimates the bytes of the text, twice where it is wide, and 64 for each value', () => {
    expect(neededBytes(costOf('[1,2]'))).toBe(5 + 3 * 64);
    expect(neededBytes(costOf('["Ω"]'))).toBe(2 * 6 + 2 * 64);
  });

  it('refuses 5,000,000 empty objects in 15 MB', () => {
    const cost = costOf(`[${'{},'.repeat(5_000_000)}1]`);
    expect(() => checkCost(cost)).toThrow(expect.objectContaining({ code: 'too_costly' }));
  });

  it('refuses what is nested deeper than 1,000, and takes what is not', () => {
    const nested = (depth: number) => costOf('['.repeat(depth) + ']'.repeat(depth));
    expect(() => checkCost(nested(MAX_DEPTH))).not.toThrow();
    for (const depth of [MAX_DEPTH + 1, 20_000]) {
      expect(() => checkCost(nested(depth))).toThrow(expect.objectContaining({ code: 'too_deep' }));
    }
  });

  it('takes a session of 50 MB', () => {
    const message = JSON.stringify({ id: 'm1', subscriberName: 'Ada', message: 'x'.repeat(7_000), tags: [] });
    expect(() => checkCost(costOf(`{"messages":[${Array(7_000).fill(message).join()}]}`))).not.toThrow();
  });
});
