import { type MongoClient, ObjectId } from 'mongodb';
import { CoreSimulator } from '../world/platform/core-simulator.js';
import { connect, dropDatabase, testDatabaseUri } from '../world/database.js';
import { HOUR_MS, TimeMachine } from './time-machine.js';

const NOW = Date.parse('2026-11-20T08:00:00Z');
const at = (ms: number) => new Date(NOW + ms);

describe('the time machine', () => {
  const uri = testDatabaseUri('time-machine');
  let client: MongoClient;

  beforeAll(async () => {
    await dropDatabase(uri);
    client = await connect(uri);
  });

  afterAll(() => client.close());

  it('makes every date of every collection older, however deep it lies, and changes nothing else', async () => {
    const _id = new ObjectId();
    const completion = { _id, foundAt: at(0), attempts: 3, deliveries: [{ dueAt: at(5) }, { log: [{ at: at(7) }] }], none: null }; // prettier-ignore
    await client.db().collection('completions').insertOne(completion);
    await client
      .db()
      .collection('leases')
      .insertOne({ until: at(9), owner: 'a' });
    await new TimeMachine(client.db()).age(HOUR_MS);

    const aged = { ...completion, foundAt: at(-HOUR_MS), deliveries: [{ dueAt: at(5 - HOUR_MS) }, { log: [{ at: at(7 - HOUR_MS) }] }] }; // prettier-ignore
    expect(await client.db().collection('completions').find().toArray()).toEqual([aged]);
    expect(await client.db().collection('leases').findOne({})).toMatchObject({ until: at(9 - HOUR_MS), owner: 'a' });
  });

  it('counts the change of a destination, so that no older reckoning undoes it', async () => {
    await client
      .db()
      .collection('destinations')
      .insertOne({ nextDueAt: at(0), version: 4 });
    await new TimeMachine(client.db()).age(HOUR_MS);
    expect(await client.db().collection('destinations').findOne({})).toMatchObject({ nextDueAt: at(-HOUR_MS), version: 5 }); // prettier-ignore
  });

  it('makes sessions and pipelines of hbf-core older by the same span', async () => {
    const core = new CoreSimulator('token');
    core.addTenant({ id: 't1', organizationId: 'o1' });
    const { id, messages } = core.addSession({ tenantId: 't1', lastInteraction: at(0) });
    const before = Number(messages[0]!.date);
    core.addPipeline({ id: 'p1', tenantId: 't1', fields: { lastTrainedAt: at(0).toISOString() } });
    await new TimeMachine(client.db(), core).age(HOUR_MS);

    expect(core.session(id).lastInteraction).toBe(NOW - HOUR_MS);
    expect(Number(core.session(id).messages[0]!.date)).toBe(before - HOUR_MS);
    expect(core.pipelines.peek('p1')).toMatchObject({ lastTrainedAt: at(-HOUR_MS).toISOString(), name: 'Pipeline p1' });
  });
});
