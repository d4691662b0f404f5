import { Logger } from '@nestjs/common';
import { ListTiming } from './list-timing.js';

describe('ListTiming', () => {
  const warnings: unknown[] = [];

  beforeEach(() => {
    warnings.length = 0;
    const silent = () => undefined;
    Logger.overrideLogger({ log: silent, error: silent, warn: (facts: unknown) => void warnings.push(facts) });
  });
  afterEach(() => {
    Logger.overrideLogger(false);
  });

  /** Fifty lists of so many milliseconds. @returns how many are asked for at a time afterwards */
  function lists(timing: ListTiming, durationMs: number, atOnce: number): number {
    for (let n = 0; n < 50; n++) atOnce = timing.note(durationMs, atOnce, 8);
    return atOnce;
  }

  it('asks for half as many lists at a time, one at least, while they take over 250 ms in the median', () => {
    const timing = new ListTiming();
    const atOnce = [8];
    for (let n = 0; n < 4; n++) atOnce.push(lists(timing, 251, atOnce.at(-1)!));
    expect(atOnce).toEqual([8, 4, 2, 1, 1]);
    expect(timing.medianMs).toBe(251);
    expect(warnings).toEqual([{ medianMs: 251 }]);
  });

  it('asks for one more each time once they are quick again, up to the limit', () => {
    const timing = new ListTiming();
    const atOnce = [5];
    for (let n = 0; n < 5; n++) atOnce.push(lists(timing, 20, atOnce.at(-1)!));
    expect(atOnce).toEqual([5, 6, 7, 8, 8, 8]);
    expect(warnings).toEqual([]);
  });

  it('lets a few slow lists pass', () => {
    const timing = new ListTiming();
    let atOnce = 8;
    for (let n = 0; n < 50; n++) atOnce = timing.note(n < 20 ? 5_000 : 10, atOnce, 8);
    expect([atOnce, timing.medianMs]).toEqual([8, 10]);
  });
});
