import { pauseAfter } from './check-pause.js';

describe('pauseAfter', () => {
  const MINUTES_5 = 300_000;
  const done = { paused: false, deferred: 0, durationMs: 0 };

  it.each([
    ['a check that did all there was to do', { ...done, durationMs: 20_000 }, MINUTES_5, 280_000],
    ['a check that took longer than the interval', { ...done, durationMs: 400_000 }, MINUTES_5, 30_000],
    ['a check that failed', undefined, MINUTES_5, MINUTES_5],
    ['a check that left sessions over', { ...done, deferred: 1 }, MINUTES_5, 1_000],
    ['a check that was paused', { ...done, paused: true }, MINUTES_5, 10_000],
    ['a long one that was paused', { ...done, paused: true, durationMs: 400_000 }, MINUTES_5, 10_000],
    ['a paused check with sessions left over', { ...done, paused: true, deferred: 7 }, MINUTES_5, 10_000],
    ['an interval that is shorter anyway', { ...done, paused: true, deferred: 7 }, 100, 100],
  ])('%s', (_, check, intervalMs, pause) => {
    expect(pauseAfter(check, intervalMs)).toBe(pause);
  });
});
