import { Logger } from '@nestjs/common';
import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { CompletionStore } from '../../test/support/completion-store.js';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { Backpressure } from './backpressure.js';

const LATER = new Date(Date.now() + 3_600_000);

describe('Backpressure', () => {
  const uri = testDatabaseUri('backpressure');
  const lines: string[] = [];
  let client: MongoClient;
  let db: Db;
  let database: Database;
  let pressure: Backpressure;

  /** A completion with a pending delivery for each of the destinations. */
  async function addPending(...destinations: string[]): Promise<void> {
    const deliveries = destinations.map((destination) => ({ destination, state: 'pending', dueAt: LATER }));
    deliveries.push({ destination: 'surveys:t1', state: 'delivered' } as never);
    const completion = { _id: new ObjectId().toHexString(), open: true, deliveries };
    await db.collection<{ _id: string }>('completions').insertOne(completion);
  }

  beforeAll(async () => {
    const note = (message: unknown, event: string) => event.startsWith('session-check.') && lines.push(`${event} ${JSON.stringify(message)}`); // prettier-ignore
    Logger.overrideLogger({ log: note, warn: note, error: note });
    client = await connect(uri);
    db = client.db();
  });

  beforeEach(async () => {
    await dropDatabase(uri);
    await migrate(uri);
    const config = Object.assign(new Config(), { mongodbUri: uri, backlogHighWater: 20 });
    database = new Database(config, new Clock());
    await database.open();
    const store = new CompletionStore(database.connection);
    pressure = new Backpressure(config, store.completions, store.destinations);
    lines.length = 0;
  });

  afterEach(() => database.onApplicationShutdown());
  afterAll(() => client.close());

  it('counts pending deliveries, no others', async () => {
    await addPending('flow:t1', 'webhook:1');
    await addPending('flow:t1');
    await db.collection('completions').insertOne({ open: false, deliveries: [{ destination: 'flow:t1' }] });
    expect(await pressure.countWaiting()).toBe(3);
  });

  it('does not count a webhook whose circuit is open, but everything else', async () => {
    const openUntil = LATER;
    await db.collection<{ _id: string }>('destinations').insertMany([{ _id: 'webhook:1', openUntil }, { _id: 'webhook:2' }, { _id: 'flow:t1', openUntil }] as never); // prettier-ignore
    for (let n = 0; n < 20; n++) await addPending('webhook:1');
    await addPending('flow:t1', 'webhook:1', 'webhook:2');
    expect(await pressure.countWaiting()).toBe(2);
  });

  it('reads no more than the high water and one', async () => {
    for (let n = 0; n < 40; n++) await addPending('flow:t1');
    expect(await pressure.countWaiting()).toBe(21);
  });

  it('pauses above the high water, resumes at it, and says each once', async () => {
    for (let n = 0; n < 20; n++) await addPending('flow:t1');
    expect([await pressure.begin(), pressure.paused]).toEqual([false, false]);
    await addPending('analysis:t1');
    expect([await pressure.begin(), await pressure.begin(), pressure.paused]).toEqual([true, true, true]);
    await db.collection('completions').deleteOne({});
    expect([await pressure.begin(), await pressure.begin(), pressure.paused]).toEqual([false, false, false]);
    expect(lines).toEqual([
      'session-check.paused {"waiting":21,"highWater":20}',
      'session-check.resumed {"waiting":20,"highWater":20}',
    ]);
  });

  it('counts again after each tenth of the high water in completed sessions', async () => {
    await pressure.begin();
    for (let n = 0; n < 21; n++) await addPending('flow:t1');
    expect([await pressure.tooHigh(0), await pressure.tooHigh(1)]).toEqual([false, false]);
    expect(await Promise.all([pressure.tooHigh(2), pressure.tooHigh(2)])).toEqual([true, true]);
  });
});
