import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { detectedIn, detectionsOf } from '../../test/support/completions.js';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/support/database.js';
import type { Database } from '../persistence/database.js';
import { type Completion, newDelivery } from './completion.js';
import { CompletionRepository } from './completion.repository.js';
import { DetectionRepository } from './detection.repository.js';

const AT = new Date(Date.UTC(2026, 0, 1));
const LATER = new Date(Date.UTC(2026, 0, 2));

function detected(id: string, lease: string, deliveries = 1): Completion {
  return {
    _id: id,
    sessionId: id,
    revision: 1,
    organizationId: 'org1',
    tenantId: 't1',
    state: 'detected',
    open: true,
    rule: 'tenant-threshold',
    thresholdSeconds: 600,
    lastInteraction: AT,
    detectedAt: AT,
    lease,
    leaseUntil: AT,
    deliveries: Array.from({ length: deliveries }, (_, n) => newDelivery(`webhook:${n}`)),
    leftOut: [],
  };
}

function completed(id: string): Completion {
  const { lease: _lease, leaseUntil: _leaseUntil, ...rest } = detected(id, '');
  return { ...rest, state: 'completed', open: false, completedAt: AT };
}

describe('what is detected and completed', () => {
  let client: MongoClient;
  let db: Db;
  let detections: DetectionRepository;
  let completions: CompletionRepository;

  beforeAll(async () => {
    const uri = testDatabaseUri('detection-repository');
    await dropDatabase(uri);
    await migrate(uri);
    client = await connect(uri);
    db = client.db();
    const database = { connection: db } as unknown as Database;
    detections = new DetectionRepository(database);
    completions = new CompletionRepository(database);
  });

  beforeEach(async () => {
    await detectionsOf(db).deleteMany({});
    await db.collection('completions').deleteMany({});
  });
  afterAll(() => client.close());

  const page = (ids: string, lease: string) => ids.split(' ').map((id) => detected(id, lease));
  const remove = (held: string) =>
    detections.remove(held.split(' ').map((one) => ({ _id: one.split('@')[0]!, lease: one.split('@')[1]! })));
  const add = async (ids: string, lease: string) => [...(await detections.add(page(ids, lease)))].sort().join(' ');
  /** Who holds what: `id@lease`. */
  const held = async () => (await detectedIn(db)).map(({ _id, lease }) => `${_id}@${lease}`).sort().join(' '); // prettier-ignore
  const claim = async (lease: string, now: Date, until = LATER) =>
    (await detections.claimAbandoned(lease, now, until, 1)).map(({ _id }) => _id).sort().join(' '); // prettier-ignore

  it('is added once, and nothing twice: neither what another holds, nor what is completed, nor what came twice', async () => {
    expect(await add('s1 s2', 'l1')).toBe('');
    await completions.add([completed('s4')]);
    expect(await add('s2 s3 s4 s5 s5', 'l2')).toBe('s2 s4 s5');
    expect(await held()).toBe('s1@l1 s2@l1 s3@l2 s5@l2');
    expect(await add('s1 s3', 'l3')).toBe('s1 s3');
    expect(await add('s4', 'l3')).toBe('s4');
    expect(await held()).toBe('s1@l1 s2@l1 s3@l2 s5@l2');
  });

  it('goes to one process, whoever asks beside it', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `s${n}`);
    const overlapping = Array.from({ length: 8 }, (_, n) => ids.slice(n * 5, n * 5 + 25));
    const known = await Promise.all(overlapping.map((some, n) => detections.add(page(some.join(' '), `l${n}`))));
    const won = overlapping.flatMap((some, n) => some.filter((id) => !known[n]!.has(id)).map((id) => `${id}@l${n}`));
    expect((await held()).split(' ')).toEqual(won.sort());
    expect(new Set(won.map((one) => one.split('@')[0])).size).toBe(won.length);
    expect(won).toHaveLength(60);
  });

  it('goes with all that is under its lease', async () => {
    await add('s1 s2', 'l1');
    await add('s3', 'l2');
    await detections.removePages(['l1', 'l9']);
    await detections.removePages([]);
    expect(await held()).toBe('s3@l2');
  });

  it('is written in documents of at most 2,000 deliveries, and at most 100 sessions', async () => {
    await detections.add([detected('s1', 'l1', 1_500), detected('s2', 'l1', 600), detected('s3', 'l1', 1)]);
    expect(await detectionsOf(db).countDocuments()).toBe(2);
    await remove('s1@l1 s2@l1 s3@l1');
    expect(await detectionsOf(db).countDocuments()).toBe(0);
    await detections.add(Array.from({ length: 250 }, (_, n) => detected(`s${n}`, 'l1')));
    const pages = await detectionsOf(db).find().toArray();
    expect(pages.map((one) => one.completions.length)).toEqual([100, 100, 50]);
  });

  it('is removed by whoever holds it: part by part, or page after page at once', async () => {
    await add('s1 s2 s3', 'l1');
    await add('s4 s5', 'l2');
    await add('s6', 'l3');
    await remove('s2@l1 s6@l2');
    expect(await held()).toBe('s1@l1 s3@l1 s4@l2 s5@l2 s6@l3');
    await remove('s1@l1 s3@l1 s4@l2 s5@l2 s9@l2');
    expect(await held()).toBe('s6@l3');
    expect(await detectionsOf(db).countDocuments()).toBe(1);
  });

  it('is taken over when its lease has passed, by one, under the new lease', async () => {
    await add('s1 s2', 'l1');
    expect(await claim('l2', new Date(AT.getTime() - 1))).toBe('');
    const claims = await Promise.all(['l2', 'l3', 'l4'].map((lease) => claim(lease, AT)));
    expect(claims.filter((ids) => ids !== '')).toEqual(['s1 s2']);
    const lease = ['l2', 'l3', 'l4'][claims.indexOf('s1 s2')]!;
    expect(await held()).toBe(`s1@${lease} s2@${lease}`);
    const [first] = await detections.claimAbandoned('l5', LATER, LATER, 1);
    expect(first).toEqual({ ...detected('s1', 'l5'), leaseUntil: LATER });
  });

  it('counts for nothing once it is completed: a crash in between leaves a page that is tidied up', async () => {
    await add('s1 s2', 'l1');
    await completions.add([completed('s1'), completed('s2')]);
    await add('s3 s4', 'l1');
    await completions.add([completed('s3')]);
    expect([await claim('l2', AT), await claim('l2', AT)].filter((ids) => ids !== '')).toEqual(['s4']);
    expect(await held()).toBe('s4@l2');
  });

  it('is read where an older version wrote whole deliveries', async () => {
    const { lease, leaseUntil, ...older } = { ...detected('s1', 'l1'), deliveries: [newDelivery('flow')] };
    const page = { _id: new ObjectId(), lease: lease!, leaseUntil: leaseUntil!, completions: [older] };
    await db.collection('detections').insertOne(page);
    expect(await detections.claimAbandoned('l2', AT, LATER, 1)).toEqual([{ ...older, lease: 'l2', leaseUntil: LATER }]);
  });

  it('is found by session and by id, in its own organization only, and counted by destination', async () => {
    await add('s1 s2', 'l1');
    expect(await detections.ofSession('org1', 's1')).toEqual([detected('s1', 'l1')]);
    expect(await detections.ofSession('org2', 's1')).toEqual([]);
    expect(await detections.find('org1', 's2')).toEqual(detected('s2', 'l1'));
    expect(await detections.find('org2', 's2')).toBeUndefined();
    expect(await detections.find('org1', 's3')).toBeUndefined();
    expect([await detections.countFor('webhook:0'), await detections.countFor('webhook:1')]).toEqual([2, 0]);
  });

  it('is completed by who writes it first; others are told', async () => {
    expect([...(await completions.add([completed('s1'), completed('s2')]))]).toEqual([]);
    expect([...(await completions.add([{ ...completed('s2'), tenantId: 't2' }, completed('s3')]))]).toEqual(['s2']);
    const found = await db.collection<Completion>('completions').find().sort({ _id: 1 }).toArray();
    expect(found).toEqual([completed('s1'), completed('s2'), completed('s3')]);
  });
});
