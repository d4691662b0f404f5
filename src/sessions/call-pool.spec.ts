import { CallPool } from './call-pool.js';

interface Made {
  started: boolean;
  left: boolean;
  end: () => void;
}

describe('CallPool', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** Makes so many calls, each of which ends when its `end` is called. */
  function calls(pool: CallPool, count: number) {
    const made = Array.from({ length: count }, (): Made => ({ started: false, left: false, end: () => undefined }));
    const done = made.map((call) =>
      pool.run(
        () => {
          call.started = true;
          return new Promise<void>((resolve) => (call.end = resolve));
        },
        () => (call.left = true),
      ),
    );
    return { made, done, started: () => made.filter((call) => call.started).length };
  }

  it('makes so many calls at a time, and the next one when one has ended', async () => {
    const { made, done, started } = calls(new CallPool(2), 4);
    expect(started()).toBe(2);
    made[0]!.end();
    await done[0];
    expect(started()).toBe(3);
  });

  it('lets a call that takes over a second out, and makes the next one in its place', async () => {
    const { made, started } = calls(new CallPool(2), 4);
    await jest.advanceTimersByTimeAsync(999);
    expect(started()).toBe(2);
    await jest.advanceTimersByTimeAsync(1);
    expect(started()).toBe(4);
    expect(made.map(({ left }) => left)).toEqual([true, true, false, false]);
  });

  it('lets 64 out at most; a further one goes when one of them has ended', async () => {
    const { made, started } = calls(new CallPool(8), 200);
    for (let second = 0; second < 12; second++) await jest.advanceTimersByTimeAsync(1_000);
    expect(started()).toBe(64 + 8);
    made[0]!.end();
    await jest.advanceTimersByTimeAsync(0);
    expect(started()).toBe(64 + 8 + 1);
    expect(made.filter(({ left }) => left)).toHaveLength(65);
  });

  it('passes an error on, and gives the place free', async () => {
    const pool = new CallPool(1);
    await expect(pool.run(() => Promise.reject(new Error('no')), () => undefined)).rejects.toThrow('no'); // prettier-ignore
    expect(await pool.run(() => Promise.resolve(1), () => undefined)).toBe(1); // prettier-ignore
  });
});
