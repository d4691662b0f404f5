import { ExpiringMap } from './expiring-map.js';

describe('ExpiringMap', () => {
  it('forgets a value when its time has passed', () => {
    const map = new ExpiringMap<string>(60_000, 10);
    map.set('a', 'one', 1_000);
    expect(map.get('a', 60_999)).toBe('one');
    expect(map.get('a', 61_000)).toBeUndefined();
    expect(map.get('a', 1_001)).toBeUndefined();
  });

  it('counts the time anew when a value is set again', () => {
    const map = new ExpiringMap<string>(100, 10);
    map.set('a', 'one', 0);
    map.set('a', 'two', 90);
    expect(map.get('a', 189)).toBe('two');
  });

  it('lets the oldest go when it is full', () => {
    const map = new ExpiringMap<number>(100, 2);
    map.set('a', 1, 0);
    map.set('b', 2, 1);
    map.set('a', 3, 2);
    map.set('c', 4, 3);
    expect([map.get('a', 4), map.get('b', 4), map.get('c', 4)]).toEqual([3, undefined, 4]);
  });
});
