import { CoreClock } from './core-clock.js';

const MINUTE_MS = 60_000;
const START = Date.parse('2026-11-20T12:00:00Z');
const AGE = undefined;

describe('CoreClock', () => {
  /** Monotonic milliseconds. */
  let at: number;
  let clock: CoreClock;

  beforeEach(() => {
    at = 5_000;
    jest.spyOn(performance, 'now').mockImplementation(() => at);
    clock = new CoreClock();
  });
  afterEach(() => jest.restoreAllMocks());

  const header = (time: number) => new Date(time).toUTCString();
  /** An answer of hbf-core, whose clock says START now, give or take; it took 40 ms. */
  const note = (aheadMs = 0) => clock.note(header(START + at - 5_000 + aheadMs), AGE, at);

  it('tells nothing before the first answer', () => expect(clock.now()).toBeUndefined());

  it("tells hbf-core's time, which is at least the whole second that it named when its answer came", () => {
    note();
    expect(clock.now()).toBe(START);
    at += 7_000;
    expect(clock.now()).toBe(START + 7_000);
  });

  it('is never ahead, whenever within its second hbf-core answers', () => {
    for (let n = 0; n < 100; n++) {
      note();
      expect(clock.now()! - (START + at - 5_000)).toBeLessThanOrEqual(0);
      at += 137;
    }
  });

  it("does not follow when this machine's clock is set", () => {
    note();
    jest.spyOn(Date, 'now').mockReturnValue(START + 60 * MINUTE_MS);
    expect(clock.now()).toBe(START);
  });

  it('goes by the median of the last fifteen answers', () => {
    for (let n = 0; n < 30; n++) note(60 * MINUTE_MS);
    for (let n = 0; n < 8; n++) note();
    for (let n = 0; n < 7; n++) note(-60 * MINUTE_MS);
    expect(clock.now()).toBe(START);
  });

  it('takes the earlier one of two', () => {
    note(MINUTE_MS);
    note();
    expect(clock.now()).toBe(START);
  });

  it('forgets an answer after ten minutes', () => {
    note(60 * MINUTE_MS);
    at += 10 * MINUTE_MS;
    expect(clock.now()).toBeDefined();
    at += 1;
    expect(clock.now()).toBeUndefined();
    note();
    expect(clock.now()).toBe(START + 10 * MINUTE_MS);
  });

  it.each([
    ['an Age: a cache kept it', header(START), '0'],
    ['no Date', undefined, undefined],
    ['a Date that nobody can read', 'soon', undefined],
  ])('leaves out an answer with %s', (_, date, age) => {
    for (let n = 0; n < 2; n++) clock.note(date, age, at);
    expect(clock.now()).toBeUndefined();
  });

  it('parses a Date once for all answers of its second', () => {
    const parse = jest.spyOn(Date, 'parse');
    for (let n = 0; n < 100; n++) clock.note(header(START), AGE, at);
    expect(parse).toHaveBeenCalledTimes(1);
  });
});
