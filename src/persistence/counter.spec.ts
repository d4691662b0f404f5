import { counterModel } from '../../test/support/models.js';
import { dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from './clock.js';
import { Counter } from './counter.js';
import { Database } from './database.js';

const uri = testDatabaseUri('counter-spec');
const config = testConfig({ MONGODB_URI: uri });
const database = new Database(config, new Clock());
const counter = new Counter(counterModel(database));

beforeAll(async () => {
  await dropDatabase(uri);
  await database.open();
});
afterAll(() => database.onApplicationShutdown());

describe('Counter', () => {
  it('counts from 1, each series for itself', async () => {
    expect(await counter.next('apples')).toBe(1);
    expect(await counter.next('apples')).toBe(2);
    expect(await counter.next('pears')).toBe(1);
  });

  it('gives no number twice, not even at the very beginning of a series', async () => {
    const numbers = await Promise.all(Array.from({ length: 50 }, () => counter.next('at once')));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });
});
