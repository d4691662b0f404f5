import fc from 'fast-check';
import { jsonErrorAt, positionOf } from './json-position.js';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('jsonErrorAt', () => {
  it.each<[string, number | undefined]>([
    ['{}', undefined],
    [' [1, -0.5e+3, true, {"a": null, "b": []}] ', undefined],
    ['"\u007f\ud800\\u12aF"', undefined],
    ['', 0],
    ['{"url": ', 8],
    ['{"a": 1,}', 8],
    ['{"a": 1 "b": 2}', 8],
    ["{'a': 1}", 1],
    ['{"a": 01}', 7],
    ['[1, 2', 5],
    ['[1}', 2],
    ['{} {}', 3],
    ['{"a": "x\ny"}', 8],
    ['{"a": "\\x"}', 7],
    ['{"a": undefined}', 6],
  ])('of %j is %j', (text, index) => {
    expect(jsonErrorAt(text)).toBe(index);
  });

  it('finds an error exactly where JSON.parse does, in whatever is changed in a JSON text', () => {
    const edit = fc.record({ at: fc.nat(), cut: fc.nat(2), put: fc.constantFrom('', ...'{}[]",:\\e1-. \n\u0001') });
    fc.assert(
      fc.property(fc.json(), fc.array(edit, { maxLength: 3 }), (json, edits) => {
        const text = edits.reduce((now, { at, cut, put }) => {
          const from = at % (now.length + 1);
          return now.slice(0, from) + put + now.slice(from + cut);
        }, json);
        expect(jsonErrorAt(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a long string', `{"a":"${'x\\n'.repeat(80_000)}"`],
    ['deep nesting', '['.repeat(250_000)],
    ['a long list', `[${'1,'.repeat(120_000)}`],
  ])('reads %s', (_, text) => {
    expect(jsonErrorAt(text)).toBe(text.length);
  });
});

it('positionOf counts lines and columns from 1', () => {
  const text = '{\n  "a": 1,\n  "b" 2\n}';
  expect(positionOf(text, 0)).toEqual({ line: 1, column: 1 });
  expect(positionOf(text, jsonErrorAt(text)!)).toEqual({ line: 3, column: 7 });
});
