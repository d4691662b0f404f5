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
    clock.correct([{ serverTime: sentAt + 20 + offsetMs, sentAt, receivedAt: sentAt + 40 }]); // read half-way
    const before = Date.now();
    const now = clock.now();
    expect(now - offsetMs).toBeGreaterThanOrEqual(before);
    expect(now - offsetMs).toBeLessThanOrEqual(Date.now());
  });

  it('goes by the latest correction, not by the sum of all', () => {
    const clock = new Clock();
    clock.correct([{ serverTime: 500_000, sentAt: 0, receivedAt: 0 }]);
    clock.correct([{ serverTime: 0, sentAt: 0, receivedAt: 0 }]);
    expect(clock.now()).toBeLessThanOrEqual(Date.now());
  });

  it('goes by the quickest reading: in the middle of another this process may have been stopped for a minute', () => {
    const clock = new Clock();
    const stopped = { serverTime: 1_000, sentAt: 1_000, receivedAt: 66_000 };
    const quick = { serverTime: 67_001, sentAt: 67_000, receivedAt: 67_002 };
    const slow = { serverTime: 68_900, sentAt: 68_000, receivedAt: 69_000 };
    clock.correct([stopped, quick, slow]);
    expect(clock.now()).toBeLessThanOrEqual(Date.now());
    expect(clock.now()).toBeGreaterThan(Date.now() - 100);
  });

  describe('steadyNow', () => {
    afterEach(() => jest.restoreAllMocks());

    it("is the server's time, also after this machine's clock was set", () => {
      let [wall, monotonic] = [1_000_000, 500];
      jest.spyOn(Date, 'now').mockImplementation(() => wall);
      jest.spyOn(performance, 'now').mockImplementation(() => monotonic);
      const clock = new Clock();
      expect(clock.steadyNow()).toBe(1_000_000); // not corrected yet
      clock.correct([{ serverTime: wall + 20, sentAt: wall, receivedAt: wall }]);
      [wall, monotonic] = [wall + 3_600_000, monotonic + 1_000];
      expect(clock.steadyNow()).toBe(1_001_020);
      expect(clock.now()).toBe(wall + 20);
    });
  });
});
