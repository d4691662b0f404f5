import { endedSession } from '../../test/support/ended-session.js';
import mongoose from 'mongoose';
import { CompletionStore } from '../../test/support/completion-store.js';
import type { Completion } from './completion.js';
import type { DeliveryChange } from './completion.repository.js';
import type { OutcomeWriter } from './outcome-writer.js';
import { newDelivery } from './transitions.js';

const delivered = { ...newDelivery('flow:t1', { token: 'l1', until: new Date(0) }), state: 'delivered' as const };

function completion(id: string): Completion {
  return {
    ...endedSession(id, new Date(0)),
    completedAt: new Date(0),
    open: false,
    deliveries: [delivered],
  };
}

describe('OutcomeWriter', () => {
  /** What was written, batch by batch; each write waits until the test lets it end. */
  const writes: string[][] = [];
  /** What was removed of the intents: sessions, and whole leases. */
  const removed: string[] = [];
  const gates: (() => void)[] = [];
  let failures = 0;
  let writer: OutcomeWriter;
  let store: CompletionStore;

  beforeEach(() => {
    [writes, removed, gates].forEach((list) => (list.length = 0));
    failures = 0;
    store = new CompletionStore(mongoose.createConnection()); // never opened
    ({ writer } = store);
    const { completions, destinations, errors, intents } = store;
    jest.spyOn(completions, 'add').mockImplementation(async (list) => {
      await write(list.map(() => 'first outcomes'));
      return new Set();
    });
    jest.spyOn(completions, 'change').mockImplementation(async (list) => {
      await write(list.map(() => 'settlement'));
      return 0;
    });
    jest.spyOn(completions, 'closeFinished').mockImplementation(() => {
      return failures-- > 0 ? Promise.reject(new Error('the database is away')) : Promise.resolve();
    });
    jest.spyOn(destinations, 'announce').mockResolvedValue();
    jest.spyOn(errors, 'add').mockResolvedValue();
    jest.spyOn(intents, 'remove').mockImplementation((_lease, ids) => Promise.resolve(void removed.push(...ids)));
    jest.spyOn(intents, 'removeAll').mockImplementation((leases) => Promise.resolve(void removed.push(...leases)));
  });

  async function write(outcomes: string[]): Promise<void> {
    writes.push(outcomes);
    await new Promise<void>((resolve) => gates.push(resolve));
  }

  /** Ends the writes as they come, until nothing more is under way. */
  async function letAllEnd(done: Promise<unknown>): Promise<void> {
    const timer = setInterval(() => gates.splice(0).forEach((open) => open()), 1);
    await done;
    clearInterval(timer);
  }

  it('lets no settlement overtake the first outcomes that a slow database is still writing', async () => {
    writer.complete(completion('s1'), 'l1');
    const first = writer.flush();
    writer.settle('s1', 'l1', delivered);
    const second = writer.flush();
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toEqual([['first outcomes']]);
    await letAllEnd(Promise.all([first, second]));
    expect(writes).toEqual([['first outcomes'], ['settlement']]);
  });

  it('writes first outcomes before settlements that came in with them', async () => {
    writer.settle('s0', 'l0', delivered);
    writer.complete(completion('s1'), 'l1');
    writer.settle('s1', 'l1', delivered);
    await letAllEnd(writer.flush());
    expect(writes).toEqual([['first outcomes'], ['settlement', 'settlement']]);
  });

  it('removes the intents of a lease when the last of its sessions is written; without that number, one by one', async () => {
    const complete = async (id: string, lease: string) => {
      writer.complete(completion(id), lease);
      await letAllEnd(writer.flush());
      return removed.splice(0);
    };
    writer.expect('l1', 2);
    expect(await complete('s1', 'l1')).toEqual([]);
    expect(await complete('s2', 'l2')).toEqual(['s2']);
    expect(await complete('s3', 'l1')).toEqual(['l1']);
  });

  it('does not repeat what is written when a later step fails', async () => {
    failures = 1;
    writer.settle('s1', 'l1', delivered);
    await letAllEnd(writer.flush());
    expect(writes).toEqual([['settlement']]);
    expect(writer.lost).toBe(0);
  });

  describe('an outcome that the database refuses', () => {
    const tooLarge = () => new mongoose.mongo.MongoInvalidArgumentError('Document is larger than 16777216');

    it('is dead and logged; the others of its batch are written, and no intent stays', async () => {
      const added: Completion[] = [];
      jest.spyOn(store.completions, 'add').mockImplementation((list) => {
        if (list.some(({ deliveries }) => deliveries.length > 1_000)) return Promise.reject(tooLarge());
        added.push(...list);
        return Promise.resolve(new Set());
      });
      const pending = newDelivery('webhook:1', { token: 'l1', until: new Date(0) });
      const many = Array.from({ length: 90_000 }, (_, n) => ({ ...pending, destination: `webhook:${n}` }));
      for (const id of ['s1', 's2']) writer.complete(completion(id), 'l1');
      writer.complete({ ...completion('big'), open: true, deliveries: [delivered, ...many] }, 'l1');
      writer.complete(completion('s3'), 'l1');
      await letAllEnd(writer.flush());
      expect(added.map(({ _id }) => _id)).toEqual(['s1', 's2', 'big', 's3']);
      expect(removed).toEqual(['s1', 's2', 'big', 's3']);
      const big = added[2]!;
      expect(big.open).toBe(false);
      expect(new Set(big.deliveries.map(({ state }) => state))).toEqual(new Set(['delivered', 'dead']));
      expect(big.deliveries[1]!.reason).toContain('could not be written: Document is larger');
      expect(writer.lost).toBe(0);
    });

    it('is settled as dead, and the settlements beside it as they are', async () => {
      const changed: DeliveryChange[] = [];
      jest.spyOn(store.completions, 'change').mockImplementation((list) => {
        const refused = list.some(({ delivery }) => (delivery.lastError?.length ?? 0) > 1_000);
        if (refused) return Promise.reject(tooLarge());
        changed.push(...list);
        return Promise.resolve(0);
      });
      const pending = newDelivery('flow', { token: 'l1', until: new Date(0) });
      writer.settle('s1', 'l1', delivered);
      writer.settle('s2', 'l1', { ...pending, lastError: 'x'.repeat(2_000) });
      writer.settle('s3', 'l1', delivered);
      await letAllEnd(writer.flush());
      const states = changed.map(({ completionId, delivery }) => [completionId, delivery.state]);
      expect(states).toEqual([['s1', 'delivered'], ['s2', 'dead'], ['s3', 'delivered']]); // prettier-ignore
    });
  });
});
