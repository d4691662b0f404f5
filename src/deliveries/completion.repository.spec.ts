import type { Db, MongoClient } from 'mongodb';
import { connect, dropDatabase, migrate, testDatabaseUri } from '../../test/support/database.js';
import type { Database } from '../persistence/database.js';
import { type Completion, newDelivery } from './completion.js';
import { CompletionRepository } from './completion.repository.js';

const AT = new Date(Date.UTC(2026, 0, 1));

function detected(id: string, lease: string): Completion {
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
    deliveries: [newDelivery('flow', 'flow-trigger')],
    leftOut: [],
  };
}

function completed(id: string, lastError?: string): Completion {
  const { lease: _lease, leaseUntil: _leaseUntil, ...rest } = detected(id, '');
  const flow = { ...newDelivery('flow', 'flow-trigger'), ...(lastError === undefined ? {} : { lastError }) };
  return { ...rest, state: 'completed', open: false, completedAt: AT, deliveries: [flow] };
}

describe('CompletionRepository.handOver', () => {
  let client: MongoClient;
  let db: Db;
  let repository: CompletionRepository;

  beforeAll(async () => {
    const uri = testDatabaseUri('completion-repository');
    await dropDatabase(uri);
    await migrate(uri);
    client = await connect(uri);
    db = client.db();
    repository = new CompletionRepository({ connection: db } as unknown as Database);
  });

  beforeEach(() => db.collection('completions').deleteMany({}));
  afterAll(() => client.close());

  const find = (id: string) => db.collection<Completion>('completions').findOne({ _id: id });

  it('puts each in the place of what was detected, whatever texts it holds', async () => {
    await repository.insert([detected('s1', 'l1'), detected('s2', 'l2'), detected('s3', 'l2')]);
    const after = [completed('s1', '$lease'), completed('s2'), completed('s3')];
    const leases = ['l1', 'l2', 'l2'];
    const lost = await repository.handOver(after.map((one, index) => ({ lease: leases[index]!, completed: one })));
    expect(lost).toBe(0);
    for (const one of after) expect(await find(one._id)).toEqual(one);
  });

  it('leaves alone, and counts, what is leased to another or gone', async () => {
    await repository.insert([detected('s1', 'of another'), detected('s2', 'l1')]);
    const handOvers = ['s1', 's2', 's3'].map((id) => ({ lease: 'l1', completed: completed(id) }));
    expect(await repository.handOver(handOvers)).toBe(2);
    expect(await find('s1')).toEqual(detected('s1', 'of another'));
    expect(await find('s2')).toEqual(completed('s2'));
    expect(await find('s3')).toBeNull();
  });

  it('goes by the lease of each, where one came in under two', async () => {
    await repository.insert([detected('s1', 'l2'), detected('s2', 'l1')]);
    const handOvers = [
      { lease: 'l1', completed: completed('s1', 'too late') },
      { lease: 'l1', completed: completed('s2') },
      { lease: 'l2', completed: completed('s1', 'in force') },
    ];
    expect(await repository.handOver(handOvers)).toBe(1);
    expect(await find('s1')).toEqual(completed('s1', 'in force'));
  });

  it('hands nothing over twice', async () => {
    await repository.insert([detected('s1', 'l1')]);
    const handOver = { lease: 'l1', completed: completed('s1') };
    expect(await repository.handOver([handOver])).toBe(0);
    expect(await repository.handOver([handOver])).toBe(1);
  });
});
