import { pauseMs, RetryTimer } from './backoff.js';

describe('pauseMs', () => {
  it('doubles its ceiling with each failed try, up to five seconds', () => {
    expect([1, 2, 3, 9].map((tries) => pauseMs(tries, 1))).toEqual([250, 500, 1000, 5000]);
  });

  it('may be anything down to nothing (full jitter)', () => {
    expect(pauseMs(3, 0)).toBe(0);
    expect(pauseMs(3, 0.5)).toBe(500);
  });

  it('never comes back before Retry-After', () => {
    expect(pauseMs(1, 0, 2000)).toBe(2000);
    expect(pauseMs(1, 1, 2000)).toBe(2250);
  });

  it('gives up when Retry-After is longer than a call should wait', () => {
    expect(pauseMs(1, 0, 5001)).toBeUndefined();
  });
});

describe('RetryTimer', () => {
  it('ends its wait when told to', async () => {
    const stopping = new AbortController();
    const waited = new RetryTimer().wait(3_600_000, stopping.signal);
    stopping.abort();
    expect(await waited).toBe(false);
    expect(await new RetryTimer().wait(1, new AbortController().signal)).toBe(true);
  });
});
