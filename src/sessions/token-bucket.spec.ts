import { TokenBucket } from './token-bucket.js';

const MINUTE_MS = 60_000;

/** Takes all it can get for `minutes`, waiting as long as it is told to. @returns when each token was given */
function drain(bucket: TokenBucket, wanted: number, minutes: number): number[] {
  const given: number[] = [];
  for (let now = 0; now < minutes * MINUTE_MS;) {
    const count = bucket.take(wanted, now);
    given.push(...new Array<number>(count).fill(now));
    if (count === 0) now += bucket.msUntil(wanted, now);
  }
  return given;
}

function mostWithin(times: readonly number[], windowMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[last]! - times[first]! >= windowMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

describe('TokenBucket', () => {
  it.each([
    [1, 1],
    [7, 3],
    [60, 100],
    [600, 1],
    [600, 100],
    [6_000, 1_000],
  ])('gives %i a minute to one who wants %i at a time, and no more in any minute', (perMinute, wanted) => {
    const given = drain(new TokenBucket(perMinute), wanted, 5);
    const burst = Math.max(1, Math.floor(perMinute / 60));
    expect(mostWithin(given, MINUTE_MS)).toBeLessThanOrEqual(perMinute + burst);
    expect(given.length).toBeGreaterThanOrEqual(perMinute * 5 * 0.98);
  });

  it('saves up one second at most', () => {
    const bucket = new TokenBucket(600);
    bucket.take(10, 0);
    expect([bucket.take(100, 8 * 3_600_000), bucket.take(100, 8 * 3_600_000)]).toEqual([10, 0]);
  });

  it('tells how long to wait', () => {
    const bucket = new TokenBucket(60);
    expect([bucket.take(1, 0), bucket.take(1, 0), bucket.msUntil(1, 0), bucket.msUntil(1, 400)]).toEqual([
      1, 0, 1_000, 600,
    ]);
  });

  it('gives nothing for a clock that goes back', () => {
    const bucket = new TokenBucket(60);
    expect([bucket.take(1, 10_000), bucket.take(1, 0), bucket.take(1, 10_999), bucket.take(1, 11_000)]).toEqual([
      1, 0, 0, 1,
    ]);
  });
});
