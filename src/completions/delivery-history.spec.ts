import { endedSession } from '../../test/support/ended-session.js';
import { CompletionStore } from '../../test/support/completion-store.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import type { Completion, PlannedCompletion } from './completion.js';
import { DELIVERY_STATES, type DeliveryState, webhookDestination } from './delivery.js';
import type { HistoryQuery } from './delivery-history.js';
import { newDelivery } from './transitions.js';

const START = Date.UTC(2026, 0, 1);
const LEASE = { lease: 'l1', leaseUntil: new Date(START) };
const CLAIM = { token: 'l1', until: new Date(START) };

function completion(n: number, state: DeliveryState): Completion {
  const at = new Date(START + n * 1_000);
  return {
    ...endedSession(`s${n}`, at, { organizationId: 'org1' }),
    open: state === 'pending',
    completedAt: at,
    deliveries: [
      { ...newDelivery('flow:t1', CLAIM), state: 'delivered' },
      { ...newDelivery(webhookDestination(1), CLAIM), state },
      { ...newDelivery(webhookDestination(2), CLAIM), state: 'dead' },
    ],
  };
}

async function openStore(name: string): Promise<CompletionStore> {
  const uri = testDatabaseUri(name);
  await dropDatabase(uri);
  await migrate(uri);
  return CompletionStore.open(uri);
}

describe('a page of deliveries', () => {
  let store: CompletionStore;

  beforeAll(async () => {
    store = await openStore('delivery-history');
    await store.completions.add(
      Array.from({ length: 4_000 }, (_, n) => completion(n, n % 200 === 0 ? 'dead' : 'delivered')),
    );
  });

  afterAll(() => store.close());

  it.each([
    { name: 'the first page', rows: 51 },
    { name: 'a page in the middle', rows: 51, after: { foundAt: new Date(START + 2_000_000), _id: 's2000' } },
    { name: 'a time', rows: 51, since: new Date(START + 1_000_000), until: new Date(START + 2_000_000) },
    { name: 'the rare dead ones', rows: 20, state: DELIVERY_STATES[2] },
    { name: 'none in that state', rows: 0, state: DELIVERY_STATES[3] },
    { name: 'one session', rows: 1, sessionId: 's77' },
  ])('reads no more than twice what it returns: $name', async ({ name: _name, rows, ...more }) => {
    const query: HistoryQuery = { organizationId: 'org1', integrationId: 1, limit: 51, ...more };
    const found = await store.history.list(query);
    const plan: unknown = await store.history.page(query).explain('executionStats');
    const figures = [...JSON.stringify(plan).matchAll(/"(?:totalDocsExamined|docsExamined)":(?:\{"low":)?(\d+)/g)];
    expect(found).toHaveLength(rows);
    expect(Math.max(...figures.map((figure) => Number(figure[1])))).toBeLessThanOrEqual(Math.max(2 * rows, 1));
  });
});

describe('the count of pending deliveries', () => {
  it('has those that wait and those whose first attempt is under way, each once, but none that is over', async () => {
    const store = await openStore('pending-deliveries');
    await store.completions.add([completion(1, 'pending'), completion(3, 'dead'), completion(4, 'delivered')]);
    const planned = (id: number): PlannedCompletion => {
      const { open: _open, completedAt: _completedAt, deliveries: _deliveries, ...session } = completion(id, 'pending');
      return { ...session, destinations: ['flow:t1', webhookDestination(1)] };
    };
    await store.intents.add(LEASE, [planned(2), planned(5)]);
    // its first outcomes are written, those of the other session of its intent are not
    await store.completions.add([completion(5, 'delivered')]);
    expect([await store.history.countFor(1), await store.history.countFor(2)]).toEqual([2, 0]);
    await store.close();
  });
});
