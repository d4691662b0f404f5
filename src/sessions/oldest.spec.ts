import { Oldest } from './oldest.js';

describe('Oldest', () => {
  it('keeps the oldest of very many, in order, and counts all', () => {
    const oldest = new Oldest(3);
    for (let n = 0; n < 5_000; n++) oldest.add({ lastInteraction: new Date((n * 3_001) % 5_000) });
    expect(oldest.list().map(({ lastInteraction }) => lastInteraction.getTime())).toEqual([0, 1, 2]);
    expect(oldest.count).toBe(5_000);
  });

  it('gives what there is when there is less', () => {
    const oldest = new Oldest(3);
    oldest.add({ lastInteraction: new Date(2) });
    oldest.add({ lastInteraction: new Date(1) });
    expect(oldest.list()).toEqual([{ lastInteraction: new Date(1) }, { lastInteraction: new Date(2) }]);
  });
});
