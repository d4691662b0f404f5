import type { Db } from 'mongodb';
import { CompletionStore } from '../../test/support/completion-store.js';
import { endedSession } from '../../test/support/ended-session.js';
import { stubOf } from '../../test/support/stub.js';
import { CommandCounter } from '../../test/world/command-counter.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { Clock } from '../persistence/clock.js';
import type { Completion } from './completion.js';
import type { Delivery } from './delivery.js';
import type { Destination } from './destination.schema.js';
import { newDelivery } from './transitions.js';

const NOW = new Date(Date.UTC(2026, 0, 1));
const EARLIER = new Date(NOW.getTime() - 60_000);
const IDLE = 5_000;

describe('work that no destination announces', () => {
  let store: CompletionStore;
  let db: Db;
  let counter: CommandCounter;

  beforeAll(async () => {
    const uri = testDatabaseUri('forgotten-work');
    await dropDatabase(uri);
    await migrate(uri);
    counter = await CommandCounter.start(uri);
    const { connection } = await CompletionStore.open(counter.uri);
    store = new CompletionStore(connection, stubOf(Clock, { now: () => NOW.getTime() }));
    db = connection.db!;
  });
  beforeEach(async () => {
    for (const name of ['completions', 'destinations']) await db.collection(name).deleteMany({});
  });
  afterAll(async () => {
    await store.close();
    counter.stop();
  });

  const pending = (destination: string, dueAt: Date): Delivery => ({
    ...newDelivery(destination, { token: 'gone', until: dueAt }),
    token: undefined,
  });
  const delivered = (destination: string): Delivery => ({
    ...pending(destination, NOW),
    state: 'delivered',
    dueAt: undefined,
  });

  async function complete(id: string, ...deliveries: Delivery[]): Promise<void> {
    const completion: Completion = { ...endedSession(id, NOW), completedAt: NOW, open: true, deliveries };
    await store.completions.add([completion]);
  }

  const destinations = () => db.collection<Destination>('destinations');

  it('is announced, at its earliest due time; what is announced already stays as it is', async () => {
    await complete('s1', delivered('flow:t:1'), pending('webhook:1', NOW), pending('surveys:t:1', NOW));
    await complete('s2', pending('webhook:1', EARLIER), pending('flow:t2', EARLIER));
    await store.destinations.announce(new Map([['flow:t2', NOW]]));

    expect(await store.forgotten.announce()).toBe(2);
    const found = await destinations().find().sort({ _id: 1 }).toArray();
    expect(found.map(({ _id, nextDueAt }) => [_id, nextDueAt])).toEqual([
      ['flow:t2', NOW],
      ['surveys:t:1', NOW],
      ['webhook:1', EARLIER],
    ]);
    expect(await store.forgotten.announce()).toBe(0);
  });

  it('is looked for at no cost of idle destinations, which are removed in the end', async () => {
    const idle = Array.from({ length: IDLE }, (_, n) => ({ _id: `flow:t${n}`, version: 3, idleSince: EARLIER }));
    await destinations().insertMany(idle);
    const before = counter.total;
    expect(await store.forgotten.announce()).toBe(0);
    expect(counter.total - before).toBeLessThanOrEqual(2);

    const openUntil = NOW; // its circuit may be asked for still
    await destinations().insertMany([
      { _id: 'webhook:1', version: 1, idleSince: EARLIER, openUntil },
      { _id: 'webhook:2', version: 1, openUntil: EARLIER },
      { _id: 'webhook:3', version: 1, nextDueAt: EARLIER },
      { _id: 'webhook:4', version: 1, idleSince: NOW },
    ]);
    expect(await store.destinations.purgeIdle(NOW)).toBe(IDLE + 1);
    expect((await destinations().find().toArray()).map(({ _id }) => _id)).toEqual(['webhook:1', 'webhook:3', 'webhook:4']); // prettier-ignore
  });

  it('leaves a destination idle from the time on that nothing of it is pending', async () => {
    await store.destinations.announce(new Map([['flow:t1', NOW]]));
    const [flow] = await store.destinations.longestDue(NOW, 1);
    await store.destinations.setNextDue(flow!, undefined);
    expect((await destinations().findOne({ _id: 'flow:t1' }))!.idleSince).toBeInstanceOf(Date);
    await store.destinations.announce(new Map([['flow:t1', NOW]]));
    expect((await destinations().findOne({ _id: 'flow:t1' }))!.idleSince).toBeUndefined();
  });
});
