import fc from 'fast-check';
import mongoose from 'mongoose';
import { isPassing, writeSplit } from './split-writes.js';

describe('writeSplit', () => {
  it('writes every item once, but those that cannot be written, which stand alone', async () => {
    const items = fc.array(fc.boolean(), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(items, async (good) => {
        const list = good.map((_, index) => index);
        const written: number[] = [];
        const alone: number[] = [];
        let writes = 0;
        await writeSplit(list, {
          write: (part) => {
            writes++;
            if (part.some((index) => !good[index])) return Promise.reject(new Error('too large'));
            written.push(...part);
            return Promise.resolve();
          },
          giveUp: (index) => Promise.resolve(void alone.push(index)),
        });
        const all = good.map((_, index) => index);
        expect(written).toEqual(all.filter((index) => good[index]));
        expect(alone).toEqual(all.filter((index) => !good[index]));
        expect(list).toEqual([]);
        const culprits = alone.length;
        expect(writes).toBeLessThanOrEqual((2 * culprits + 1) * (Math.ceil(Math.log2(Math.max(2, good.length))) + 1));
      }),
    );
  });

  it('leaves on the list what a database that is away has not taken', async () => {
    const away = new mongoose.mongo.MongoNetworkError('away');
    const list = [1, 2, 3, 4];
    const write = (part: readonly number[]) =>
      part.length > 2 ? Promise.reject(new Error('too large')) : Promise.reject(away);
    await expect(writeSplit(list, { write, giveUp: () => Promise.resolve() })).rejects.toBe(away);
    expect(list).toEqual([1, 2, 3, 4]);
  });

  it('ends where what takes the place of an item cannot be written either', async () => {
    const list = [1, 2];
    const full = new Error('no space left on device');
    const fails = () => Promise.reject(full);
    await expect(writeSplit(list, { write: fails, giveUp: fails })).rejects.toBe(full);
    expect(list).toEqual([1, 2]);
  });

  it('says which writes repeat something', async () => {
    const calls: [number, boolean][] = [];
    const write = (part: readonly number[], again: boolean) => {
      calls.push([part.length, again]);
      return part.includes(3) ? Promise.reject(new Error('too large')) : Promise.resolve();
    };
    await writeSplit([1, 2, 3, 4], { write, giveUp: () => Promise.resolve() });
    expect(calls).toEqual([[4, false], [2, true], [2, true], [1, true], [1, true]]); // prettier-ignore
  });
});

describe('isPassing', () => {
  it('knows a connection that broke, and a primary that steps down, from a document that is too large', () => {
    const { MongoNetworkError, MongoServerError, MongoInvalidArgumentError } = mongoose.mongo;
    const stepsDown = new MongoServerError({ message: 'not primary' });
    stepsDown.addErrorLabel('RetryableWriteError');
    const shutsDown = new MongoServerError({ message: 'interrupted at shutdown', code: 11600 });
    const away = [new MongoNetworkError('reset'), stepsDown, shutsDown];
    expect(away.map(isPassing)).toEqual([true, true, true]);
    const own = [new MongoInvalidArgumentError('Document is larger'), new MongoServerError({ code: 10334 }), new Error()]; // prettier-ignore
    expect(own.map(isPassing)).toEqual([false, false, false]);
  });
});
