import { pauseAfter } from './check-pause.js';

describe('pauseAfter', () => {
  const MINUTES_5 = 300_000;

  it.each([
    ['a check that did all there was to do', { paused: false, deferred: 0 }, MINUTES_5, MINUTES_5],
    ['a check that failed', undefined, MINUTES_5, MINUTES_5],
    ['a check that left sessions over', { paused: false, deferred: 1 }, MINUTES_5, 1_000],
    ['a check that was paused', { paused: true, deferred: 0 }, MINUTES_5, 10_000],
    ['a paused check with sessions left over', { paused: true, deferred: 7 }, MINUTES_5, 10_000],
    ['an interval that is shorter anyway', { paused: true, deferred: 7 }, 100, 100],
  ])('%s', (_, figures, intervalMs, pause) => {
    expect(pauseAfter(figures, intervalMs)).toBe(pause);
  });
});
