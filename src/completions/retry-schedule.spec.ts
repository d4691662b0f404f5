import fc from 'fast-check';
import { retryDelay } from './retry-schedule.js';

const SCHEDULE = [5_000, 60_000, 300_000];
const DAY_MS = 86_400_000;
const middle = () => 0.5;

describe('retryDelay', () => {
  it('takes the wait that belongs to the number of failed attempts', () => {
    expect([1, 2, 3].map((attempts) => retryDelay(attempts, SCHEDULE, undefined, middle))).toEqual(SCHEDULE);
  });

  it('ends when the schedule is used up, whatever the remote asks for', () => {
    expect(retryDelay(4, SCHEDULE, undefined, middle)).toBeUndefined();
    expect(retryDelay(4, SCHEDULE, 1_000, middle)).toBeUndefined();
    expect(retryDelay(1, [], undefined, middle)).toBeUndefined();
  });

  it('waits as long as the remote asks if that is longer, but no more than a day', () => {
    expect(retryDelay(1, SCHEDULE, 20_000, middle)).toBe(20_000);
    expect(retryDelay(2, SCHEDULE, 20_000, middle)).toBe(60_000);
    expect(retryDelay(1, SCHEDULE, 9 * DAY_MS, middle)).toBe(DAY_MS);
  });

  it('stays within 20 % of the schedule, and never comes before the remote asked for', () => {
    const retryAfter = fc.option(fc.integer({ min: 0, max: 3 * DAY_MS }), { nil: undefined });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3), retryAfter, random, (attempts, retryAfterMs, chance) => {
        const delay = retryDelay(attempts, SCHEDULE, retryAfterMs, () => chance)!;
        const base = SCHEDULE[attempts - 1]!;
        const asked = Math.min(retryAfterMs ?? 0, DAY_MS);
        expect(delay).toBeGreaterThanOrEqual(Math.max(Math.floor(base * 0.8), asked));
        expect(delay).toBeLessThanOrEqual(Math.max(Math.ceil(base * 1.2), asked));
      }),
    );
  });
});
