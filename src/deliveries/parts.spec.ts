import { partsOf } from './parts.js';

describe('partsOf', () => {
  const parts = (sizes: number[]) => partsOf(sizes, (size) => size);

  it('fills each part with as many deliveries as go into one command, in order', () => {
    expect(parts([])).toEqual([]);
    expect(parts([1_000, 1_000, 1, 1_999, 1])).toEqual([[1_000, 1_000], [1, 1_999], [1]]);
  });

  it('gives one that has more a part of its own', () => {
    expect(parts([1, 5_000, 1, 0])).toEqual([[1], [5_000], [1, 0]]);
  });
});
