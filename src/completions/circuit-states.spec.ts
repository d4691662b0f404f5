import type { MongoClient } from 'mongodb';
import { CompletionStore } from '../../test/support/completion-store.js';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { stubOf } from '../../test/support/stub.js';
import { Clock } from '../persistence/clock.js';
import { CircuitProbes } from './circuit-probes.js';
import { CircuitStates } from './circuit-states.js';
import type { Destination } from './destination.schema.js';
import { DueAlarm } from './due-alarm.js';

const HOUR_MS = 3_600_000;
const later = (ms = HOUR_MS) => new Date(Date.now() + ms);

describe('circuits in the collection destinations', () => {
  const uri = testDatabaseUri('circuit-states');
  let client: MongoClient;
  let store: CompletionStore;
  let states: CircuitStates;
  let probes: CircuitProbes;
  let wakes = 0;

  beforeAll(async () => {
    client = await connect(uri);
  });

  beforeEach(async () => {
    await dropDatabase(uri);
    await migrate(uri);
    store = await CompletionStore.open(uri);
    states = new CircuitStates(store.destinations, new Clock());
    wakes = 0;
    const alarm = stubOf(DueAlarm, { setForNow: () => void wakes++ });
    probes = new CircuitProbes(new Clock(), store.destinations, alarm);
  });

  afterEach(() => store.close());
  afterAll(() => client.close());

  const stored = () => client.db().collection<Destination>('destinations');
  const one = (_id = 'webhook:1') => stored().findOne({ _id });
  const open = (id: string, until: Date, failures = 5) =>
    store.destinations.openCircuit(id, { until, openings: 1, failures }, new Date());
  const age = (ms: number) =>
    stored().updateMany({}, [
      { $set: { limits: { $map: { input: '$limits', in: { limit: '$$this.limit', at: { $subtract: ['$$this.at', ms] } } } } } }, // prettier-ignore
    ]);

  describe('are shown', () => {
    it('as closed where nothing is known, and as open until they are closed', async () => {
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'closed', failures: 0 });
      const nextProbeAt = await open('webhook:1', later());
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'open', failures: 5, nextProbeAt });
      await store.destinations.closeCircuit('webhook:1');
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'closed', failures: 0 });
    });

    it("as a service's, where only that is open, and with the later probe where both are", async () => {
      const [soon, late] = [later(), later(2 * HOUR_MS)];
      await open('flow:*', late, 7);
      const shown = await states.of(['flow:t1', 'surveys:t1', 'webhook:1']);
      expect(shown('flow:t1')).toEqual({ state: 'open', failures: 7, nextProbeAt: late });
      expect([shown('surveys:t1').state, shown('webhook:1').state]).toEqual(['closed', 'closed']);
      await open('flow:t1', soon, 6);
      expect(await states.ofOne('flow:t1')).toEqual({ state: 'open', failures: 6, nextProbeAt: late });
    });

    it('without a time while a probe is under way, until the right to it has passed', async () => {
      await open('webhook:1', new Date(Date.now() - 1));
      expect(await store.destinations.takeProbe((await one())!, later())).toBe(true);
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'open', failures: 5 });
      await stored().updateOne({}, { $set: { openUntil: new Date(1) } });
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'open', failures: 5, nextProbeAt: new Date(1) });
    });

    it('with the largest limit of any replica in the last ten seconds', async () => {
      const found = (limit: number) => store.destinations.noteFound([{ destination: 'webhook:1', limit, failures: 2 }]);
      await found(8);
      await age(6_000);
      for (const limit of [4, 2, 3]) await found(limit);
      expect((await one())!.limits!.map(({ limit }) => limit)).toEqual([8, 4, 3]);
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'closed', failures: 2, limit: 8 });
      await age(6_000);
      expect(await states.ofOne('webhook:1')).toMatchObject({ limit: 4 });
      await found(2);
      expect((await one())!.limits!.map(({ limit }) => limit)).toEqual([4, 3, 2]);
      await age(10_001);
      expect(await states.ofOne('webhook:1')).toEqual({ state: 'closed', failures: 2 });
    });
  });

  it('keep the failures that they opened with, and what is pending, when a limit is written', async () => {
    const nextDueAt = later();
    await store.destinations.announce(new Map([['webhook:1', nextDueAt]]));
    await open('webhook:1', later(), 9);
    await store.destinations.noteFound([{ destination: 'webhook:1', limit: 2, failures: 1 }]);
    expect(await one()).toMatchObject({ failures: 9, nextDueAt, version: 1 });
    expect(await one()).not.toHaveProperty('idleSince');
  });

  it('take what was found of many, of some of which nothing was known', async () => {
    await store.destinations.announce(new Map([['webhook:2', later()]]));
    const found = [3, 5, 3].map((limit, index) => ({ destination: `webhook:${index + 1}`, limit, failures: index }));
    for (let times = 0; times < 2; times++) await store.destinations.noteFound(found);
    const shown = await states.of(found.map(({ destination }) => destination));
    expect(found.map(({ destination }) => shown(destination))).toEqual(found.map(({ limit, failures }) => ({ state: 'closed', limit, failures }))); // prettier-ignore
  });

  it('are removed an hour after only a limit was written, as others that are idle', async () => {
    await store.destinations.noteFound([{ destination: 'webhook:1', limit: 2, failures: 0 }]);
    expect(await one()).toMatchObject({ version: 0, idleSince: expect.any(Date), failures: 0 });
    expect(await store.destinations.purgeIdle(later(-HOUR_MS))).toBe(0);
    expect(await store.destinations.purgeIdle(later(1_000))).toBe(1);
  });

  describe('that are asked for a probe', () => {
    it('let one through at once, their services too; closed ones stay closed', async () => {
      await Promise.all(['webhook:1', 'webhook:2', 'flow:*'].map((id) => open(id, later())));
      await store.destinations.announce(new Map([['webhook:3', later()]]));
      await probes.probeNow(['webhook:1', 'webhook:3', 'webhook:4', 'flow:t1']);
      const now = Date.now() + 1;
      const due = (
        await stored()
          .find({ openUntil: { $lte: new Date(now) } })
          .toArray()
      ).map(({ _id }) => _id);
      expect([due.sort(), wakes]).toEqual([['flow:*', 'webhook:1'], 1]);
      expect(await stored().countDocuments({ openUntil: { $exists: true } })).toBe(3);
      await probes.probeNow([]);
      expect(wakes).toBe(1);
    });

    it('have one probe at a time, and another at once should the one under way fail', async () => {
      await open('webhook:1', new Date(Date.now() - 1));
      const [until, next] = [later(), later(2 * HOUR_MS)];
      await store.destinations.takeProbe((await one())!, until);
      await probes.probeNow(['webhook:1']);
      expect((await one())!.openUntil).toEqual(until);
      expect((await open('webhook:1', next)).getTime()).toBeLessThanOrEqual(Date.now());
      await store.destinations.takeProbe((await one())!, until);
      expect(await open('webhook:1', next)).toEqual(next);
    });
  });
});
