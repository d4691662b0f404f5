import { leaseModel } from '../../test/support/models.js';
import { dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { waitFor } from '../../test/support/wait-for.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from './clock.js';
import { Database } from './database.js';
import { JobLease } from './job-lease.js';

const LONG_MS = 600_000;

const uri = testDatabaseUri('job-lease-spec');
const config = testConfig({ MONGODB_URI: uri });
const database = new Database(config, new Clock());
const one = new JobLease(leaseModel(database));
const other = new JobLease(leaseModel(database));

beforeAll(async () => {
  await dropDatabase(uri);
  await database.open();
});
afterAll(() => database.onApplicationShutdown());

describe('JobLease', () => {
  it('is held by one owner at a time, who may renew it', async () => {
    expect(await one.take('renewed', LONG_MS)).toBe(true);
    expect(await other.take('renewed', LONG_MS)).toBe(false);
    expect(await one.take('renewed', LONG_MS)).toBe(true);
  });

  it('is free for others once it is given back', async () => {
    await one.take('released', LONG_MS);
    await one.release('released');
    expect(await other.take('released', LONG_MS)).toBe(true);
    expect(await one.take('released', LONG_MS)).toBe(false);
  });

  it('is not given back by a process that does not hold it', async () => {
    await one.take('kept', LONG_MS);
    await other.release('kept');
    expect(await other.take('kept', LONG_MS)).toBe(false);
  });

  it('passes by itself when its owner went away, and is then no longer his', async () => {
    await one.take('passed', 50);
    await waitFor('the lease to pass', () => other.take('passed', LONG_MS));
    expect(await one.take('passed', LONG_MS)).toBe(false);
    await one.release('passed');
    expect(await one.take('passed', LONG_MS)).toBe(false);
  });

  it('is held under its name only', async () => {
    await one.take('a', LONG_MS);
    expect(await other.take('b', LONG_MS)).toBe(true);
  });

  it.each(['never taken before', 'taken before and passed'])(
    'goes to one of many who ask at once: %s',
    async (name) => {
      if (name.endsWith('passed')) await one.take(name, 0);
      const owners = Array.from({ length: 20 }, () => new JobLease(leaseModel(database)));
      const taken = await Promise.all(owners.map((owner) => owner.take(name, LONG_MS)));
      expect(taken.filter(Boolean)).toHaveLength(1);
    },
  );

  it("goes by the server's clock: replicas need not agree on the time", async () => {
    await one.take('clock', LONG_MS);
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 10 * LONG_MS);
    const taken = await other.take('clock', LONG_MS);
    now.mockRestore();
    expect(taken).toBe(false);
  });
});
