import { endedSession } from '../../test/support/ended-session.js';
import type { Db } from 'mongodb';
import { intendedIn, intentsOf } from '../../test/world/record.js';
import { CompletionStore } from '../../test/support/completion-store.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import type { Completion, IntentLease, PlannedCompletion } from './completion.js';
import type { CompletionRepository } from './completion.repository.js';
import type { IntentRepository } from './intent.repository.js';
import { newDelivery, settle } from './transitions.js';

const AT = new Date(Date.UTC(2026, 0, 1));
const LATER = new Date(Date.UTC(2026, 0, 2));

const session = (id: string) => endedSession(id, AT, { organizationId: 'org1' });

function planned(id: string, deliveries = 1): PlannedCompletion {
  return { ...session(id), destinations: Array.from({ length: deliveries }, (_, n) => `webhook:${n}`) };
}

function completed(id: string): Completion {
  return { ...session(id), completedAt: AT, open: false, deliveries: [] };
}

const leaseOf = (lease: string): IntentLease => ({ lease, leaseUntil: AT });

describe('an intent', () => {
  let store: CompletionStore;
  let db: Db;
  let intents: IntentRepository;
  let completions: CompletionRepository;

  beforeAll(async () => {
    const uri = testDatabaseUri('intent-repository');
    await dropDatabase(uri);
    await migrate(uri);
    store = await CompletionStore.open(uri);
    db = store.connection.db!;
    ({ intents, completions } = store);
  });

  beforeEach(async () => {
    await intentsOf(db).deleteMany({});
    await db.collection('completions').deleteMany({});
  });
  afterAll(() => store.close());

  const page = (ids: string) => ids.split(' ').map((id) => planned(id));
  const remove = (lease: string, ids: string) => intents.remove(lease, ids.split(' '));
  const add = async (ids: string, lease: string) =>
    [...(await intents.add(leaseOf(lease), page(ids)))].sort().join(' ');
  /** Who holds what: `id@lease`. */
  const held = async () => (await intendedIn(db)).map(({ _id, lease }) => `${_id}@${lease}`).sort().join(' '); // prettier-ignore
  const claim = async (lease: string, now: Date, leaseUntil = LATER) =>
    (await intents.claimAbandoned({ lease, leaseUntil }, now)).map(({ _id }) => _id).sort().join(' '); // prettier-ignore

  it('holds a session once: not one that another intent holds, is completed already, or came twice', async () => {
    expect(await add('s1 s2', 'l1')).toBe('');
    await completions.add([completed('s4')]);
    expect(await add('s2 s3 s4 s5 s5', 'l2')).toBe('s2 s4 s5');
    expect(await held()).toBe('s1@l1 s2@l1 s3@l2 s5@l2');
    expect(await add('s1 s3', 'l3')).toBe('s1 s3');
    expect(await add('s4', 'l3')).toBe('s4');
    expect(await held()).toBe('s1@l1 s2@l1 s3@l2 s5@l2');
  });

  it('gives each session to one process, of several that write their intents at the same time', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `s${n}`);
    const overlapping = Array.from({ length: 8 }, (_, n) => ids.slice(n * 5, n * 5 + 25));
    const known = await Promise.all(overlapping.map((some, n) => intents.add(leaseOf(`l${n}`), page(some.join(' ')))));
    const won = overlapping.flatMap((some, n) => some.filter((id) => !known[n]!.has(id)).map((id) => `${id}@l${n}`));
    expect((await held()).split(' ')).toEqual(won.sort());
    expect(new Set(won.map((one) => one.split('@')[0])).size).toBe(won.length);
    expect(won).toHaveLength(60);
  });

  it('is removed with all intents of its lease', async () => {
    await add('s1 s2', 'l1');
    await add('s3', 'l2');
    await intents.removeAll(['l1', 'l9']);
    await intents.removeAll([]);
    expect(await held()).toBe('s3@l2');
  });

  it('is written in documents of at most 2,000 deliveries, and at most 100 sessions', async () => {
    await intents.add(leaseOf('l1'), [planned('s1', 1_500), planned('s2', 600), planned('s3', 1)]);
    expect(await intentsOf(db).countDocuments()).toBe(2);
    await remove('l1', 's1 s2 s3');
    expect(await intentsOf(db).countDocuments()).toBe(0);
    const cancelled = Array.from({ length: 1_999 }, (_, n) => `webhook:${n + 1}`);
    const both = ['s1', 's2'].map((id) => ({ ...planned(id), cancelled }));
    await intents.add(leaseOf('l1'), both);
    expect(await intentsOf(db).countDocuments()).toBe(2);
    expect(await intents.ofSession('org1', 's2')).toEqual([{ ...both[1], ...leaseOf('l1') }]);
    expect(await intents.countFor('webhook:1')).toBe(0); // it counts what is pending
    await remove('l1', 's1 s2');
    await intents.add(
      leaseOf('l1'),
      Array.from({ length: 250 }, (_, n) => planned(`s${n}`)),
    );
    const documents = await intentsOf(db).find().toArray();
    expect(documents.map((one) => one.completions.length)).toEqual([100, 100, 50]);
  });

  it('loses sessions only under its own lease, one by one or the whole document at once', async () => {
    await add('s1 s2 s3', 'l1');
    await add('s4 s5', 'l2');
    await add('s6', 'l3');
    await remove('l1', 's2');
    await remove('l2', 's6');
    expect(await held()).toBe('s1@l1 s3@l1 s4@l2 s5@l2 s6@l3');
    await remove('l1', 's1 s3');
    await remove('l2', 's4 s5 s9');
    expect(await held()).toBe('s6@l3');
    expect(await intentsOf(db).countDocuments()).toBe(1);
  });

  it('is taken over by one process when its lease has passed, under a new lease', async () => {
    await add('s1 s2', 'l1');
    expect(await claim('l2', new Date(AT.getTime() - 1))).toBe('');
    const claims = await Promise.all(['l2', 'l3', 'l4'].map((lease) => claim(lease, AT)));
    expect(claims.filter((ids) => ids !== '')).toEqual(['s1 s2']);
    const lease = ['l2', 'l3', 'l4'][claims.indexOf('s1 s2')]!;
    expect(await held()).toBe(`s1@${lease} s2@${lease}`);
    const [first] = await intents.claimAbandoned({ lease: 'l5', leaseUntil: LATER }, LATER);
    expect(first).toEqual(planned('s1'));
  });

  it('counts for nothing once its sessions are completed: what a crash left is removed at the next claim', async () => {
    await add('s1 s2', 'l1');
    await completions.add([completed('s1'), completed('s2')]);
    await add('s3 s4', 'l1');
    await completions.add([completed('s3')]);
    expect([await claim('l2', AT), await claim('l2', AT)].filter((ids) => ids !== '')).toEqual(['s4']);
    expect(await held()).toBe('s4@l2');
  });

  it('is found by session and by id, in its own organization only, and counted by destination', async () => {
    await add('s1 s2', 'l1');
    expect(await intents.ofSession('org1', 's1')).toEqual([{ ...planned('s1'), ...leaseOf('l1') }]);
    expect(await intents.ofSession('org2', 's1')).toEqual([]);
    expect(await intents.find('org1', 's2')).toEqual({ ...planned('s2'), ...leaseOf('l1') });
    expect(await intents.find('org2', 's2')).toBeUndefined();
    expect(await intents.find('org1', 's3')).toBeUndefined();
    expect([await intents.countFor('webhook:0'), await intents.countFor('webhook:1')]).toEqual([2, 0]);
  });
});

describe('a completion', () => {
  let store: CompletionStore;
  let completions: CompletionRepository;

  beforeEach(async () => {
    const uri = testDatabaseUri('completion-repository');
    await dropDatabase(uri);
    await migrate(uri);
    store = await CompletionStore.open(uri);
    ({ completions } = store);
  });
  afterEach(() => store.close());

  it('is the one that was written first; later writers are told', async () => {
    expect([...(await completions.add([completed('s1'), completed('s2')]))]).toEqual([]);
    expect([...(await completions.add([{ ...completed('s2'), tenantId: 't2' }, completed('s3')]))]).toEqual(['s2']);
    const found = await store.connection.collection('completions').find().sort({ _id: 1 }).toArray();
    expect(found).toEqual([completed('s1'), completed('s2'), completed('s3')]);
  });

  it('stores no field that a transition took away', async () => {
    const claim = { token: 'l1', until: AT };
    const rules = { now: AT.getTime(), retryScheduleMs: [], random: () => 0 };
    const settled = settle(
      newDelivery('flow:t1', claim),
      { result: 'delivered', statusCode: 200, durationMs: 1 },
      rules,
    );
    await completions.add([
      { ...completed('s1'), open: true, deliveries: [settled, newDelivery('surveys:t1', claim)] },
    ]);
    const surveys = settle(newDelivery('surveys:t1', claim), { result: 'cancelled', reason: 'r' }, rules);
    expect(await completions.change([{ completionId: 's1', delivery: surveys, only: { token: 'l1' } }])).toBe(0);
    const stored = await store.connection.collection<Completion>('completions').findOne({ _id: 's1' });
    const fields = stored!.deliveries.map((delivery) => Object.keys(delivery).sort());
    expect(fields).toEqual([
      ['at', 'attempts', 'claims', 'destination', 'lastStatus', 'log', 'state'],
      ['at', 'attempts', 'claims', 'destination', 'listed', 'log', 'reason', 'state'],
    ]);
    expect(Object.keys(stored!.deliveries[0]!.log[0]!).sort()).toEqual(['at', 'durationMs', 'result', 'statusCode']);
  });
});
