import type { MongoClient } from 'mongodb';
import type { Completion } from '../../../src/completions/completion.js';
import { connect, testDatabaseUri } from '../../world/database.js';
import { waitFor } from '../../support/wait-for.js';
import { FORBIDDEN, LeakyWorld } from '../fixtures/logs.js';

const DATABASE = 'faults-at-rest';
/** What an administrator writes is kept: the address with its query, who made it, and who is to hear of errors. */
const KEPT = /^(webhook-query-value|query-of-the-api|[\w.]+@[\w.]+)$/;

jest.setTimeout(60_000); // a busy machine must not fail it

/** A round in which everything fails at least once: deliveries are pending, dead and delivered, mails wait. */
describe('the database after a round with secrets and faults', () => {
  let world: LeakyWorld;
  let client: MongoClient;

  beforeAll(async () => {
    world = await LeakyWorld.start(DATABASE);
    client = await connect(testDatabaseUri(DATABASE));
    await world.service.waitReady();
    await world.callApi('at-rest');
    const failed = {
      deliveries: { $elemMatch: { destination: /^webhook:/, state: { $ne: 'delivered' }, attempts: { $gt: 1 } } },
    };
    const completions = client.db().collection<Completion>('completions');
    await waitFor('failures', async () => (await completions.countDocuments(failed)) >= 3, { timeoutMs: 30_000 });
    await waitFor('a mail', () => world.smtp.mails.length > 0, { timeoutMs: 30_000 });
  });

  afterAll(async () => {
    await client.close();
    await world.stop();
  });

  async function everything(): Promise<Map<string, string>> {
    const collections = await client.db().listCollections().toArray();
    const dumps = collections.map(async ({ name }) => {
      return [name, JSON.stringify(await client.db().collection(name).find().toArray())] as const;
    });
    return new Map(await Promise.all(dumps));
  }

  it("holds no transcript, contact, variable, token, header value or secret, and no endpoint's answer", async () => {
    const dumps = await everything();
    expect([...dumps.keys()]).toEqual(expect.arrayContaining(['completions', 'integration-errors', 'integrations']));
    const found = [...dumps].flatMap(([name, dump]) =>
      FORBIDDEN.filter((text) => !KEPT.test(text) && dump.includes(text)).map((text) => `${name}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  it('holds the query of an address nowhere but in the integration itself', async () => {
    for (const [name, dump] of await everything()) {
      if (name !== 'integrations') expect([name, dump]).not.toEqual([name, expect.stringContaining('webhook-query')]);
    }
  });
});
