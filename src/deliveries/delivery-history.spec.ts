import type { Db, MongoClient } from 'mongodb';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/support/database.js';
import { type Completion, type DeliveryState, newDelivery, webhookDestination } from './completion.js';
import type { Database } from '../persistence/database.js';
import { DeliveryHistory, historyPage, type HistoryQuery } from './delivery-history.js';
import { DetectionRepository } from './detection.repository.js';

const START = Date.UTC(2026, 0, 1);
const STATES: DeliveryState[] = ['owed', 'delivered', 'dead', 'dropped'];

function completion(n: number, state: DeliveryState): Completion {
  const at = new Date(START + n * 1_000);
  return {
    _id: `s${n}`,
    sessionId: `s${n}`,
    revision: 1,
    organizationId: 'org1',
    tenantId: 't1',
    state: 'completed',
    open: state === 'owed',
    rule: 'tenant-threshold',
    thresholdSeconds: 600,
    lastInteraction: at,
    detectedAt: at,
    completedAt: at,
    deliveries: [
      { ...newDelivery('flow'), state: 'delivered' },
      { ...newDelivery(webhookDestination(1)), state },
      { ...newDelivery(webhookDestination(2)), state: 'dead' },
    ],
    leftOut: [],
  };
}

describe('the look-up behind a page of deliveries', () => {
  let client: MongoClient;
  let db: Db;

  beforeAll(async () => {
    const uri = testDatabaseUri('delivery-history');
    await dropDatabase(uri);
    await migrate(uri);
    client = await connect(uri);
    db = client.db();
    await db.collection<{ _id: number; organizationId: string }>('integrations').insertOne({ _id: 1, organizationId: 'org1' }); // prettier-ignore
    const all = Array.from({ length: 4_000 }, (_, n) => completion(n, n % 200 === 0 ? 'dead' : 'delivered'));
    await db.collection<Completion>('completions').insertMany(all);
  });

  afterAll(() => client.close());

  it.each([
    { name: 'the first page', rows: 51 },
    { name: 'a page in the middle', rows: 51, after: { detectedAt: new Date(START + 2_000_000), _id: 's2000' } },
    { name: 'a time', rows: 51, since: new Date(START + 1_000_000), until: new Date(START + 2_000_000) },
    { name: 'the rare dead ones', rows: 20, state: STATES[2] },
    { name: 'none in that state', rows: 0, state: STATES[3] },
    { name: 'one session', rows: 1, sessionId: 's77' },
  ])('reads no more than twice what it returns: $name', async ({ name: _name, rows, ...more }) => {
    const query: HistoryQuery = { organizationId: 'org1', integrationId: 1, limit: 51, ...more };
    const integrations = db.collection('integrations');
    const [found] = await integrations.aggregate(historyPage(query)).toArray();
    const plan = await integrations.aggregate(historyPage(query)).explain('executionStats');
    const text = JSON.stringify(plan);
    const figures = [...text.matchAll(/"(?:totalDocsExamined|docsExamined)":(?:\{"low":)?(\d+)/g)];
    expect((found as { page: unknown[] }).page).toHaveLength(rows);
    expect(Math.max(...figures.map((figure) => Number(figure[1])))).toBeLessThanOrEqual(Math.max(2 * rows, 1));
  });
});

describe('the count of what waits', () => {
  it('holds what is owed, and what is being attempted for the first time, each once, but nothing that is over', async () => {
    const uri = testDatabaseUri('waiting-deliveries');
    await dropDatabase(uri);
    await migrate(uri);
    const client = await connect(uri);
    const all = [completion(1, 'owed'), completion(3, 'dead'), completion(4, 'delivered')];
    await client.db().collection<Completion>('completions').insertMany(all);
    const database = { connection: client.db() } as unknown as Database;
    const detections = new DetectionRepository(database);
    const ofOnePage = (id: number): Completion => {
      const deliveries = [newDelivery('flow'), newDelivery(webhookDestination(1))];
      return { ...completion(id, 'owed'), deliveries, state: 'detected', lease: 'l1', leaseUntil: new Date() };
    };
    await detections.add([ofOnePage(2), ofOnePage(5)]);
    // its first outcomes are written, those of its page are not
    await client.db().collection<Completion>('completions').insertOne(completion(5, 'delivered'));
    const history = new DeliveryHistory(database, detections);
    expect([await history.countFor(1), await history.countFor(2)]).toEqual([2, 0]);
    await client.close();
  });
});
