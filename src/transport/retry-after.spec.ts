import { readRetryAfter } from './retry-after.js';

describe('readRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');

  it.each([
    ['0', 0],
    ['3', 3000],
    [' 0 ', 0],
    [' 120 ', 120_000],
    [['7', '8'], 7000],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Thu, 01 Jan 2026 00:01:30 GMT', 90_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['99999999999999999999', undefined],
    [undefined, undefined],
  ])('reads %p as %p ms', (header, ms) => {
    expect(readRetryAfter(header, now)).toBe(ms);
  });
});
