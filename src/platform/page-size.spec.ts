import { PlatformError, type PlatformErrorKind } from './platform-error.js';
import { mayBeSmaller, PageSize } from './page-size.js';

const HOUR_MS = 3_600_000;

describe('PageSize', () => {
  it('is halved as often as a page fails, down to one', () => {
    const size = new PageSize(50);
    const sizes: number[] = [];
    while (size.shrink(size.current(0), 0)) sizes.push(size.current(0));
    expect(sizes).toEqual([25, 13, 7, 4, 2, 1]);
    expect(size.isFull).toBe(false);
  });

  it('is remembered for an hour, and then tried twice as large each hour', () => {
    const size = new PageSize(50);
    size.shrink(50, 0);
    size.shrink(25, 0);
    expect(size.current(HOUR_MS - 1)).toBe(13);
    expect(size.current(HOUR_MS)).toBe(26);
    expect(size.current(HOUR_MS + 1)).toBe(26);
    expect(size.current(2 * HOUR_MS)).toBe(50);
    expect(size.isFull).toBe(true);
  });
});

describe('mayBeSmaller', () => {
  const error = (kind: PlatformErrorKind, code: string) =>
    new PlatformError({ service: 'hbf-core', route: '/tenants', kind, code });

  it.each([
    ['shape', 'too_long', true],
    ['shape', 'too_costly', true],
    ['timeout', 'timeout', true],
    ['no-room', 'no_room', true],
    ['shape', 'bad_shape', false],
    ['failed', 'http_500', false],
    ['unreachable', 'ECONNREFUSED', false],
  ] as const)('of a %s (%s): %s', (kind, code, expected) => {
    expect(mayBeSmaller(error(kind, code))).toBe(expected);
  });
});
