import { batchesOf } from './batches.js';

describe('batchesOf', () => {
  const batches = (sizes: number[]) => batchesOf(sizes, (size) => size);

  it('fills each batch with as many deliveries as go into one command, in order', () => {
    expect(batches([])).toEqual([]);
    expect(batches([1_000, 1_000, 1, 1_999, 1])).toEqual([[1_000, 1_000], [1, 1_999], [1]]);
  });

  it('gives one that has more a batch of its own', () => {
    expect(batches([1, 5_000, 1, 0])).toEqual([[1], [5_000], [1, 0]]);
  });
});
