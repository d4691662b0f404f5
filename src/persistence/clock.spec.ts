import { Clock } from './clock.js';

const SERVER_AHEAD_MS = 86_400_000;

describe('Clock', () => {
  it("is this machine's clock until it is corrected", () => {
    const before = Date.now();
    const now = new Clock().now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['ahead', SERVER_AHEAD_MS],
    ['behind', -SERVER_AHEAD_MS],
  ])("goes with a server's clock that is %s", (_, offsetMs) => {
    const clock = new Clock();
    const sentAt = 1_000_000;
    clock.correct(sentAt + 20 + offsetMs, sentAt, sentAt + 40); // read half-way through the call
    const before = Date.now();
    const now = clock.now();
    expect(now - offsetMs).toBeGreaterThanOrEqual(before);
    expect(now - offsetMs).toBeLessThanOrEqual(Date.now());
  });

  it('goes by the latest correction, not by the sum of all', () => {
    const clock = new Clock();
    clock.correct(500_000, 0, 0);
    clock.correct(0, 0, 0);
    expect(clock.now()).toBeLessThanOrEqual(Date.now());
  });
});
