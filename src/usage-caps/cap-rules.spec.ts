import { excessOf } from './cap-rules.js';

describe('excessOf', () => {
  const used = { sessions: 10, userMessages: 100 };

  it.each([
    ['no limits', {}, undefined],
    ['limits of 0', { maxSessions: 0, maxUserMessages: 0 }, undefined],
    ['limits just reached', { maxSessions: 10, maxUserMessages: 100 }, undefined],
    ['too many sessions', { maxSessions: 9 }, { limit: 'maxNumOfSessions', used: 10, allowed: 9 }],
    ['too many messages', { maxSessions: 10, maxUserMessages: 99 }, { limit: 'maxNumOfUserMessages', used: 100, allowed: 99 }], // prettier-ignore
  ])('%s', (_, limits, excess) => {
    expect(excessOf(used, limits)).toEqual(excess);
  });

  it('does not take an unknown count for any number', () => {
    expect(excessOf({ sessions: undefined, userMessages: undefined }, { maxSessions: 1, maxUserMessages: 1 })).toBe(
      undefined,
    );
  });
});
