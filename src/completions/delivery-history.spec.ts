import { endedSession } from '../../test/support/ended-session.js';
import { CompletionStore } from '../../test/support/completion-store.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import type { Completion, PlannedCompletion } from './completion.js';
import { type Delivery, type DeliveryState, listedAs, webhookDestination } from './delivery.js';
import { type DeliveryFilter, type HistoryPosition, rangesOf, unserved } from './delivery-filter.js';
import type { HistoryEntry, HistoryQuery } from './delivery-history.js';
import { newDelivery } from './transitions.js';

const START = Date.UTC(2026, 0, 1);
const LEASE = { lease: 'l1', leaseUntil: new Date(START) };
const CLAIM = { token: 'l1', until: new Date(START) };

function stateOf(n: number): DeliveryState {
  return n % 200 === 0 ? 'dead' : 'delivered';
}

function delivery(destination: string, state: DeliveryState): Delivery {
  return { ...newDelivery(destination, CLAIM), state, listed: listedAs(state, destination) };
}

function completion(n: number, state: DeliveryState): Completion {
  const at = new Date(START + n * 1_000);
  return {
    ...endedSession(`s${n}`, at, { organizationId: 'org1' }),
    open: state === 'pending',
    completedAt: at,
    deliveries: [
      delivery('flow:t1', n % 400 === 0 ? 'dead' : 'delivered'),
      delivery(webhookDestination(1), state),
      delivery(webhookDestination(2), 'dead'),
    ],
  };
}

async function openStore(name: string): Promise<CompletionStore> {
  const uri = testDatabaseUri(name);
  await dropDatabase(uri);
  await migrate(uri);
  return CompletionStore.open(uri);
}

interface Stats {
  nReturned: number;
  totalKeysExamined: number;
  totalDocsExamined: number;
}

describe('a page of deliveries', () => {
  const LIMIT = 51;
  let store: CompletionStore;

  beforeAll(async () => {
    store = await openStore('delivery-history');
    await store.completions.add(Array.from({ length: 4_000 }, (_, n) => completion(n, stateOf(n))));
  });

  afterAll(() => store.close());

  const at = (n: number) => new Date(START + n * 1_000);
  const middle = { foundAt: at(2_000), _id: 's2000', destination: webhookDestination(1) };
  const org = { organizationId: 'org1' };

  /** The figures of all queries of a page together. */
  const costOf = async (query: HistoryQuery) => {
    const total = { keys: 0, docs: 0 };
    for (const range of rangesOf(query, query.after, query.oldestFirst)) {
      const plan: unknown = await store.history.page(query, range, query.limit).explain('executionStats');
      const { executionStats } = plan as { executionStats: Stats };
      total.keys += executionStats.totalKeysExamined;
      total.docs += executionStats.totalDocsExamined;
    }
    return total;
  };

  const DEAD = { states: ['dead'] } as const;
  it.each<[string, DeliveryFilter & { after?: HistoryPosition }, number]>([
    ['an integration, the first page', { ...org, integrationId: 1 }, LIMIT],
    ['an integration, a page in the middle', { ...org, integrationId: 1, after: middle }, LIMIT],
    ['an integration, a time', { ...org, integrationId: 1, since: at(1_000), until: at(2_000) }, LIMIT],
    ['an integration, the rare dead ones', { ...org, integrationId: 1, ...DEAD }, 20],
    ['an integration, none in that state', { ...org, integrationId: 1, states: ['cancelled'] }, 0],
    ['an organization, dead', { ...org, ...DEAD }, LIMIT],
    ['an organization, dead, a page in the middle', { ...org, ...DEAD, after: middle }, LIMIT],
    ['an organization, dead webhooks', { ...org, ...DEAD, channel: 'webhook' }, LIMIT],
    ['an organization, dead flows', { ...org, ...DEAD, channel: 'flow' }, 10],
    ['an organization, dead flows in a time', { ...org, ...DEAD, channel: 'flow', since: at(1_000) }, 7],
    ['an organization, pending', { ...org, states: ['pending'] }, 0],
    ['another organization, dead', { organizationId: 'org2', ...DEAD }, 0],
    ["another organization's tenant, dead", { organizationId: 'org2', tenantId: 't1', ...DEAD }, 0],
    ['a tenant, dead', { ...org, tenantId: 't1', ...DEAD }, LIMIT],
    ['a tenant, dead flows', { ...org, tenantId: 't1', ...DEAD, channel: 'flow' }, 10],
    ['another tenant, dead', { ...org, tenantId: 't2', ...DEAD }, 0],
    ['all, dead', DEAD, LIMIT],
    ['all, dead flows', { ...DEAD, channel: 'flow' }, 10],
    ['all of a tenant, dead', { tenantId: 't1', ...DEAD }, LIMIT],
    ['all of an integration', { integrationId: 1, ...DEAD }, 20],
  ])('reads no more keys than rows: %s', async (_, filter, rows) => {
    const query: HistoryQuery = { ...filter, limit: LIMIT };
    expect(await store.history.list(query)).toHaveLength(rows);
    const { keys, docs } = await costOf(query);
    // one more for each piece of the index that is merged, and for the place where the page before ended
    const streams = (filter.states ? 1 : 4) * (filter.after ? 2 : 1);
    expect(keys).toBeLessThanOrEqual(Math.min(rows, LIMIT) + streams + (filter.after ? 1 : 0));
    expect(docs).toBeLessThanOrEqual(rows + 2);
  });

  it('of one session reads its revisions', async () => {
    expect(await store.history.list({ ...org, sessionId: 's77', integrationId: 1, limit: LIMIT })).toHaveLength(1);
    expect(await store.history.list({ ...org, sessionId: 's77', limit: LIMIT })).toHaveLength(3);
    expect(await store.history.list({ organizationId: 'org2', sessionId: 's77', limit: LIMIT })).toEqual([]);
  });

  it.each([false, true])(
    'neither skips nor repeats, wherever it ends within a completion: oldest first %s',
    async (oldestFirst) => {
      const query = { ...org, ...DEAD, oldestFirst, until: at(401) };
      const all = await store.history.list({ ...query, limit: 1_000 });
      const nameOf = ({ session, delivery }: HistoryEntry) => `${session._id}~${delivery.destination}`;
      const names = all.map(nameOf);
      expect(new Set(names).size).toBe(401 + 3 + 2);
      for (const limit of [1, 2, 3, 7, 50]) {
        const seen: string[] = [];
        for (let after: HistoryPosition | undefined, more = true; more;) {
          const page = await store.history.list({ ...query, limit, after });
          seen.push(...page.map(nameOf));
          const last = page.at(-1);
          after = last && {
            foundAt: last.session.foundAt,
            _id: last.session._id,
            destination: last.delivery.destination,
          };
          more = page.length === limit;
        }
        expect(seen).toEqual(names);
      }
    },
  );

  it('counts what fits by destination', async () => {
    const counts = await store.history.countByDestination({ ...org, ...DEAD, since: at(0), until: at(401) });
    expect([...counts].sort()).toEqual([
      ['flow:t1', 2],
      ['webhook:1', 3],
      ['webhook:2', 401],
    ]);
  });
});

describe('a list', () => {
  it.each<[DeliveryFilter, string | undefined]>([
    [{ states: ['dead'] }, undefined],
    [{ states: ['cancelled', 'pending'], channel: 'flow', tenantId: 't1' }, undefined],
    [{ integrationId: 1 }, undefined],
    [{ integrationId: 1, channel: 'webhook', states: ['delivered'] }, undefined],
    [{ sessionId: 's1', tenantId: 't1', integrationId: 1, states: ['delivered'] }, undefined],
    [{}, 'state'],
    [{ channel: 'webhook' }, 'state'],
    [{ states: ['delivered'] }, 'state'],
    [{ states: ['dead', 'delivered'], tenantId: 't1' }, 'state'],
    [{ integrationId: 1, tenantId: 't1' }, 'tenantId'],
    [{ integrationId: 1, channel: 'flow' }, 'channel'],
  ])('of %j is refused for its %s, where no index serves it', (filter, field) => {
    expect(unserved(filter)?.field).toBe(field);
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
