import type { Db, Document } from 'mongodb';
import { CompletionStore } from '../../test/support/completion-store.js';
import { endedSession } from '../../test/support/ended-session.js';
import { stubOf } from '../../test/support/stub.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { Clock } from '../persistence/clock.js';
import type { Completion } from './completion.js';
import { COMPLETION, HELD_INDEX } from './completion.schema.js';
import type { Delivery } from './delivery.js';
import { heldBy, newDelivery, release, releaseUpdate } from './transitions.js';

const GONE = '0a6ff3a3-3df0-4ba1-b5cd-6d2b2a9f1d10';
const OTHER = '0a6ff3a3-3df0-4ba1-b5cd-6d2b2a9f1d11';
const NOW = new Date(Date.UTC(2026, 0, 1));
const LATER = new Date(NOW.getTime() + 60_000);

describe('what a start holds', () => {
  let store: CompletionStore;
  let db: Db;

  beforeAll(async () => {
    const uri = testDatabaseUri('held-work');
    await dropDatabase(uri);
    await migrate(uri);
    const { connection } = await CompletionStore.open(uri);
    store = new CompletionStore(connection, stubOf(Clock, { now: () => NOW.getTime() }));
    db = connection.db!;
  });
  beforeEach(async () => {
    for (const name of ['intents', 'completions', 'destinations']) await db.collection(name).deleteMany({});
  });
  afterAll(() => store.close());

  const claimed = (destination: string, startId: string, more: Partial<Delivery> = {}): Delivery => ({
    ...newDelivery(destination, { token: `${startId}.of-a-claim`, until: LATER }),
    ...more,
  });

  async function complete(id: string, ...deliveries: Delivery[]): Promise<void> {
    const completion: Completion = { ...endedSession(id, NOW), completedAt: NOW, open: true, deliveries };
    await store.completions.add([completion]);
  }

  const deliveriesOf = async (_id: string) =>
    (await db.collection<Completion>('completions').findOne({ _id }))!.deliveries;

  it('is free when it is freed: intents may be recovered, deliveries are due and announced; the claims count', async () => {
    const planned = (id: string) => ({ ...endedSession(id, NOW), destinations: ['flow:t1'] });
    await store.intents.add({ lease: `${GONE}.page`, leaseUntil: LATER }, [planned('s1')]);
    await store.intents.add({ lease: `${OTHER}.page`, leaseUntil: LATER }, [planned('s2')]);
    const before = claimed('webhook:1', GONE, { claims: 2, attempts: 1 });
    await complete('s3', before, claimed('flow:t1', OTHER));

    expect(await store.held.freeOf(GONE)).toEqual({ intents: 1, deliveries: 1 });
    const { token: _token, ...due } = release(before, NOW);
    expect(await deliveriesOf('s3')).toEqual([due, claimed('flow:t1', OTHER)]);
    expect(await db.collection('destinations').find().toArray()).toMatchObject([{ _id: 'webhook:1', nextDueAt: NOW }]);
    const recovery = { lease: `${OTHER}.recovery`, leaseUntil: LATER };
    expect((await store.intents.claimAbandoned(recovery, NOW)).map(({ _id }) => _id)).toEqual(['s1']);
    expect(await store.intents.claimAbandoned(recovery, NOW)).toEqual([]);
  });

  it('is freed once, however many processes do it at the same time, and again', async () => {
    for (let n = 0; n < 30; n++) await complete(`s${n}`, claimed('flow:t1', GONE), claimed('webhook:1', GONE));
    await Promise.all([store.held.freeOf(GONE), store.held.freeOf(GONE), store.held.freeOf(GONE)]);
    for (let n = 0; n < 30; n++) {
      for (const one of await deliveriesOf(`s${n}`)) expect(one).toMatchObject({ claims: 1, attempts: 0, dueAt: NOW });
    }
    expect(await store.held.freeOf(GONE)).toEqual({ intents: 0, deliveries: 0 });
  });

  it('is left alone where another has claimed it since, or it is pending no more', async () => {
    const mine = claimed('flow:t1', OTHER);
    const cancelled = claimed('webhook:1', GONE, { state: 'cancelled' });
    await complete('s1', mine, cancelled);
    expect(await store.held.freeOf(GONE)).toEqual({ intents: 0, deliveries: 0 });
    expect(await deliveriesOf('s1')).toEqual([mine, cancelled]);
  });

  it('is taken from its holder: an outcome that comes later is lost', async () => {
    const delivery = claimed('flow:t1', GONE);
    await complete('s1', delivery);
    await store.held.freeOf(GONE);
    store.writer.settle('s1', delivery.token!, { ...delivery, state: 'delivered' });
    await store.writer.flush();
    expect(store.writer.lost).toBe(1);
    expect(await deliveriesOf('s1')).toMatchObject([{ state: 'pending', dueAt: NOW }]);
  });

  it('is found by an index that holds what is claimed and nothing else', async () => {
    for (let n = 0; n < 20; n++) await complete(`other${n}`, claimed('flow:t1', OTHER));
    for (let n = 0; n < 20; n++) await complete(`due${n}`, release(claimed('flow:t1', GONE), NOW));
    await complete('s1', claimed('flow:t1', OTHER), claimed('webhook:1', GONE));
    const { filter, hint } = await queryOf(() => store.completions.claimedBy(GONE, 10));
    expect(hint).toBe(HELD_INDEX);
    const explained = await db.collection('completions').find(filter).explain('executionStats');
    expect(explained['queryPlanner']).toMatchObject({ winningPlan: { inputStage: { indexName: HELD_INDEX } } });
    expect(explained['executionStats']).toMatchObject({ nReturned: 1, totalDocsExamined: 1 });
    expect((explained['executionStats'] as Document)['totalKeysExamined']).toBeLessThanOrEqual(2);
    const held = await db.collection('intents').find({ lease: heldBy(GONE) }).explain('queryPlanner'); // prettier-ignore
    expect(held['queryPlanner']).toMatchObject({ winningPlan: { inputStage: { indexName: 'lease' } } });
  });

  /** The query that a method sends. */
  async function queryOf(send: () => Promise<unknown>): Promise<{ filter: Document; hint: unknown }> {
    const { collection } = store.connection.model(COMPLETION);
    const find = jest.spyOn(Object.getPrototypeOf(db.collection(collection.name)) as typeof collection, 'find');
    await send();
    const [filter, options] = find.mock.calls[0]! as [Document, { hint: unknown }];
    find.mockRestore();
    return { filter, hint: options.hint };
  }
});

it('freeing names the claims of one start by the beginning of their token, and nothing of another', () => {
  const { arrayFilters } = releaseUpdate(GONE, NOW);
  expect(arrayFilters).toEqual([{ 'held.token': heldBy(GONE), 'held.state': 'pending' }]);
  expect(heldBy(GONE).test(`${GONE}.x`)).toBe(true);
  expect([`${OTHER}.x`, `${GONE}0.x`, `x.${GONE}.x`, GONE].filter((token) => heldBy(GONE).test(token))).toEqual([]);
});
