import type { Missing } from './delivery.js';
import { afterMissing, afterUncounted, missingResult } from './missing.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.parse('2026-11-20T12:00:00Z');
const since = new Date(START);

/** Asks whenever it is due. @returns the minutes from the first answer to each, the last of which is 'gone' */
function askUntilGone(first?: Missing): number[] {
  const asked: number[] = [];
  for (let now = START, missing = first; ;) {
    asked.push((now - START) / MINUTE_MS);
    const next = afterMissing(missing, now);
    if (next === 'gone') return asked;
    missing = next.missing;
    now = next.dueAt.getTime();
  }
}

describe('afterMissing', () => {
  it('has hbf-core asked again after 1, 5, 15 and 60 minutes, then hourly, and says gone after six hours', () => {
    expect(askUntilGone()).toEqual([0, 1, 6, 21, 81, 141, 201, 261, 321, 381]);
  });

  it('tells since when and how often', () => {
    expect(afterMissing(undefined, START)).toEqual({
      missing: { since, times: 1 },
      dueAt: new Date(START + MINUTE_MS),
    });
    expect(afterMissing({ since, times: 3 }, START + HOUR_MS)).toMatchObject({ missing: { since, times: 4 } });
  });

  it.each([
    ['the sixth answer before six hours have passed', 5, 6 * HOUR_MS - 1, false],
    ['the fifth answer, however late', 4, 900 * HOUR_MS, false],
    ['the sixth answer after six hours', 5, 6 * HOUR_MS, true],
    ['the next answer, where the clock went back', 50, -HOUR_MS, false],
  ])('decides by number and time: %s', (_, times, laterMs, gone) => {
    expect(afterMissing({ since, times }, START + laterMs) === 'gone').toBe(gone);
  });

  it('begins to count at the first answer that counts', () => {
    const { missing } = afterUncounted(undefined, START - 9 * HOUR_MS);
    expect(missing.times).toBe(0);
    expect(askUntilGone(missing)).toHaveLength(10);
  });
});

describe('afterUncounted', () => {
  it('changes nothing of what was counted, and has hbf-core asked again in a minute', () => {
    const missing = { since, times: 5 };
    const dueAt = new Date(START + 7 * HOUR_MS + MINUTE_MS);
    expect(afterUncounted(missing, START + 7 * HOUR_MS)).toEqual({ missing, dueAt });
  });
});

describe('missingResult', () => {
  it('postpones, and says how often hbf-core has said so', () => {
    const message = 'hbf-core does not know the tenant: 3 times since 2026-11-20T12:00:00.000Z';
    expect(missingResult('tenant', { since, times: 2 }, true, START + HOUR_MS)).toEqual({
      result: 'missing',
      code: 'session_missing',
      message,
      missing: { since, times: 3 },
      delayMs: 15 * MINUTE_MS,
    });
  });

  it('gives up only by an answer that counts', () => {
    const long: Missing = { since, times: 9 };
    expect(missingResult('session', long, false, START + 7 * HOUR_MS)).toMatchObject({ result: 'missing' });
    expect(missingResult('session', long, true, START + 7 * HOUR_MS)).toMatchObject({
      result: 'impossible',
      code: 'session_gone',
    });
  });
});
