import { Logger } from '@nestjs/common';
import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { CompletionStore } from '../../test/support/completion-store.js';
import { UNTRIED_INDEX } from '../completions/completion.schema.js';
import type { Delivery } from '../completions/delivery.js';
import { newDelivery, settle } from '../completions/transitions.js';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { Backpressure } from './backpressure.js';

const LATER = new Date(Date.now() + 3_600_000);
const RULES = { now: Date.now(), retryScheduleMs: [60_000], random: Math.random };

describe('Backpressure', () => {
  const uri = testDatabaseUri('backpressure');
  const lines: string[] = [];
  let client: MongoClient;
  let db: Db;
  let database: Database;
  let pressure: Backpressure;
  let store: CompletionStore;

  /** A completion with a delivery that waits for its first attempt, for each of the destinations. */
  async function addPending(...destinations: string[]): Promise<void> {
    const deliveries = destinations.map((destination) => newDelivery(destination, { token: 'x', until: LATER }));
    deliveries.push(settle(deliveries[0]!, { result: 'delivered', statusCode: 200, durationMs: 1 }, RULES));
    await insert(deliveries);
  }

  async function insert(deliveries: Delivery[]): Promise<void> {
    const completion = { _id: new ObjectId().toHexString(), open: true, deliveries };
    await db.collection<{ _id: string }>('completions').insertOne(completion, { ignoreUndefined: true });
    const due = deliveries.map(({ destination }): [string, Date] => [destination, LATER]);
    await store.destinations.announce(new Map(due));
  }

  const failed = { result: 'failed', code: 'http_401', message: 'x', durationMs: 1, retryable: true } as const;

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
    const clock = new Clock();
    database = new Database(config, clock);
    await database.open();
    store = new CompletionStore(database.connection);
    pressure = new Backpressure(config, store.completions, store.destinations, clock);
    lines.length = 0;
  });

  afterEach(() => database.onApplicationShutdown());
  afterAll(() => client.close());

  it('counts what waits for its first attempt: not what was delivered, has failed or is missing', async () => {
    await addPending('flow:t1', 'webhook:1');
    await addPending('flow:t1');
    const claimed = newDelivery('webhook:2', { token: 'x', until: LATER });
    await insert([settle(claimed, failed, RULES)]);
    const missing = { since: LATER, times: 1 };
    await insert([settle(claimed, { result: 'missing', code: 'x', message: 'x', delayMs: 1, missing }, RULES)]);
    expect(await pressure.countWaiting()).toBe(3);
    await insert([settle(claimed, { result: 'postponed', code: 'x', message: 'x', delayMs: 1 }, RULES)]);
    expect(await pressure.countWaiting()).toBe(4);
    await store.completions.cancel('webhook:2', 'x');
    await store.completions.cancel('webhook:1', 'x');
    expect(await pressure.countWaiting()).toBe(2);
  });

  it('does not count a destination whose circuit is open, but everything else', async () => {
    await addPending('flow:t1', 'webhook:1', 'webhook:2');
    for (const open of ['webhook:1', 'flow:t1'])
      await store.destinations.openCircuit(open, { until: LATER, openings: 1, failures: 5 }, new Date());
    expect(await pressure.countWaiting()).toBe(1);
  });

  it('counts a tenth of the high water of one destination at most: one customer pauses nobody', async () => {
    for (let n = 0; n < 60; n++) await addPending('webhook:1');
    for (let n = 0; n < 60; n++) await insert([settle(newDelivery('webhook:2', { token: 'x', until: LATER }), failed, RULES)]); // prettier-ignore
    await addPending('flow:t1');
    expect(await pressure.countWaiting()).toBe(3);
    expect(await pressure.begin()).toBe(false);
  });

  it('reads the index and no completion, as much of it as counts', async () => {
    for (let n = 0; n < 40; n++) await addPending('webhook:1');
    const count = { count: 'completions', query: { 'deliveries.untried': 'webhook:1' }, hint: UNTRIED_INDEX, limit: 5 };
    const { executionStats } = await db.command({ explain: count, verbosity: 'executionStats' });
    expect(executionStats).toMatchObject({ totalDocsExamined: 0 });
    expect((executionStats as { totalKeysExamined: number }).totalKeysExamined).toBeLessThanOrEqual(6);
  });

  it('pauses above the high water, resumes at it, and says each once', async () => {
    for (let n = 0; n < 10; n++) await addPending(`webhook:${n}`, `flow:${n}`);
    expect([await pressure.begin(), pressure.paused]).toEqual([false, false]);
    await addPending('analysis:t1');
    expect([await pressure.begin(), await pressure.begin(), pressure.paused]).toEqual([true, true, true]);
    await db.collection('completions').deleteOne({ 'deliveries.destination': 'analysis:t1' });
    expect([await pressure.begin(), await pressure.begin(), pressure.paused]).toEqual([false, false, false]);
    expect(lines).toEqual([
      'session-check.paused {"waiting":21,"highWater":20}',
      'session-check.resumed {"waiting":20,"highWater":20}',
    ]);
  });

  it('tells once what a check found at its start, and for how long the oldest delivery was due', async () => {
    const due = async (destination: string, secondsAgo: number) => {
      const dueAt = new Date(Date.now() - secondsAgo * 1_000);
      const delivery = { ...newDelivery(destination, { token: 'x', until: LATER }), dueAt };
      await insert([delivery]);
      await store.destinations.announce(new Map([[destination, dueAt]]));
    };
    await pressure.begin();
    expect(pressure.takeAtStart()).toEqual({ backlog: 0, oldestDueSeconds: 0 });
    await due('webhook:1', 50);
    await due('webhook:2', 600);
    await store.destinations.openCircuit('webhook:2', { until: LATER, openings: 1, failures: 5 }, new Date());
    await store.destinations.announce(new Map([['webhook:3', new Date(0)]])); // announced, and nothing is due
    await pressure.begin();
    await due('webhook:1', 7_000);
    await pressure.tooHigh(2);
    const found = pressure.takeAtStart();
    expect(found).toEqual({ backlog: 1, oldestDueSeconds: expect.any(Number) });
    expect(Math.abs(found!.oldestDueSeconds - 600)).toBeLessThanOrEqual(5);
    expect(pressure.takeAtStart()).toBeUndefined();
  });

  it('counts again after each tenth of the high water in completed sessions', async () => {
    await pressure.begin();
    for (let n = 0; n < 21; n++) await addPending(`webhook:${n}`);
    expect([await pressure.tooHigh(0), await pressure.tooHigh(1)]).toEqual([false, false]);
    expect(await Promise.all([pressure.tooHigh(2), pressure.tooHigh(2)])).toEqual([true, true]);
  });
});
