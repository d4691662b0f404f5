import { CompletionStore } from '../../test/support/completion-store.js';
import { stubOf } from '../../test/support/stub.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { Clock } from '../persistence/clock.js';
import { DestinationList } from './destination-list.js';
import { type Destination, DESTINATION } from './destination.schema.js';

const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes));
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('the list of destinations', () => {
  let store: CompletionStore;
  let list: DestinationList;

  beforeAll(async () => {
    const uri = testDatabaseUri('destination-list');
    await dropDatabase(uri);
    await migrate(uri);
    store = await CompletionStore.open(uri);
    list = new DestinationList(
      store.connection.model<Destination>(DESTINATION),
      stubOf(Clock, { now: () => at(2).getTime() }),
    );
  });

  afterAll(() => store.close());

  const fill = async (destinations: Omit<Destination, 'version'>[]) => {
    const collection = store.connection.collection<Destination>('destinations');
    await collection.deleteMany({});
    await collection.insertMany(destinations.map((one) => ({ ...one, version: 1 })));
  };
  const shown = async (limit: number) => (await list.list(limit)).map(({ destination }) => destination);

  it('has what is pending, the longest due first, and open circuits, the services first', async () => {
    await fill([
      { _id: 'webhook:1', nextDueAt: at(9) },
      { _id: 'webhook:2', nextDueAt: at(1), openUntil: at(20), openings: 2, failures: 6 },
      { _id: 'flow:t1', nextDueAt: at(5), openUntil: at(12) },
      { _id: 'webhook:3', idleSince: at(0) },
      { _id: 'webhook:4', idleSince: at(0), openUntil: at(30) },
      { _id: 'webhook:5', idleSince: at(0), openUntil: at(3), probing: true },
      { _id: 'flow:*', openUntil: at(40) },
      { _id: 'analysis:t1', nextDueAt: at(6) },
    ]);
    const all = [
      { destination: 'flow:*', circuit: { state: 'open', failures: 0, nextProbeAt: at(40) } },
      { destination: 'webhook:2', nextDueAt: at(1), circuit: { state: 'open', failures: 6, nextProbeAt: at(20) } },
      // it waits for its service
      { destination: 'flow:t1', nextDueAt: at(5), circuit: { state: 'open', failures: 0, nextProbeAt: at(40) } },
      { destination: 'analysis:t1', nextDueAt: at(6), circuit: { state: 'closed', failures: 0 } },
      { destination: 'webhook:1', nextDueAt: at(9), circuit: { state: 'closed', failures: 0 } },
      { destination: 'webhook:5', circuit: { state: 'open', failures: 0 } },
      { destination: 'webhook:4', circuit: { state: 'open', failures: 0, nextProbeAt: at(30) } },
    ];
    expect(await list.list(50)).toEqual(all);
    for (const limit of [1, 2, 5, 6]) expect(await list.list(limit)).toEqual(all.slice(0, limit));
  });

  it('is empty where all is well', async () => {
    await fill([{ _id: 'webhook:3', idleSince: at(0) }]);
    expect(await list.list(50)).toEqual([]);
  });

  it('reads no more keys than rows, beside thousands that are idle or have a closed circuit', async () => {
    await fill([
      ...range(3_000).map((n) => ({ _id: `webhook:${n}`, idleSince: at(n) })),
      ...range(60).map((n) => ({ _id: `flow:t${n}`, nextDueAt: at(n) })),
      ...range(60).map((n) => ({ _id: `surveys:t${n}`, idleSince: at(0), openUntil: at(n) })),
    ]);
    const keysOf = async (query: ReturnType<DestinationList['pending']>) => {
      const plan: unknown = await query.explain('executionStats');
      return (plan as { executionStats: { totalKeysExamined: number } }).executionStats.totalKeysExamined;
    };
    expect(await keysOf(list.pending(50))).toBeLessThanOrEqual(51);
    expect(await keysOf(list.openAndIdle(50))).toBeLessThanOrEqual(51);
    expect(await shown(50)).toEqual(range(50).map((n) => `flow:t${n}`));
    expect(await shown(70)).toEqual([...range(60).map((n) => `flow:t${n}`), ...range(10).map((n) => `surveys:t${n}`)]);
  });
});
