import type { CommandStartedEvent, Document } from 'mongodb';
import { integrationModel } from '../../test/support/models.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { insertIntegrations, type NewIntegration } from '../../test/world/integrations.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { TenantIntegrations } from './tenant-integrations.js';

const MOST = 3;
const uri = testDatabaseUri('tenant-integrations-spec');
const config = testConfig({ MONGODB_URI: uri, INTEGRATIONS_MAX_PER_TENANT: String(MOST) });
const database = new Database(config, new Clock());
const integrations = new TenantIntegrations(integrationModel(database), config);

type More = Partial<NewIntegration> & { tenants: string[] };

const some = (count: number, from: number, more: More): NewIntegration[] =>
  Array.from({ length: count }, (_, i) => ({
    id: from + i,
    organizationId: 'org1',
    url: 'https://a.example',
    ...more,
  }));

const tenant = (id: string, organizationId = 'org1') => ({ id, organizationId });
const tenants = (count: number) => Array.from({ length: count }, (_, n) => tenant(`t${n}`));

beforeAll(async () => {
  await dropDatabase(uri);
  await migrate(uri);
  await database.connection.openUri(uri, { monitorCommands: true });
});
afterEach(() => database.connection.collection('integrations').deleteMany({}));
afterAll(() => database.connection.close());

const add = (...all: NewIntegration[][]) => insertIntegrations(database.connection.db!, all.flat());

/** The ids that are found, and what it took: commands, and the documents and index entries that the engine read. */
async function found(...of: { id: string; organizationId: string }[]) {
  const commands: Document[] = [];
  const note = ({ command }: CommandStartedEvent) => commands.push(command);
  const client = database.connection.getClient();
  client.on('commandStarted', note);
  const { enabled, disabled } = await integrations.of(of);
  client.off('commandStarted', note);
  const read = [];
  for (const { lsid: _, $db: __, ...explain } of commands) {
    const plan = await database.connection.db!.command({ explain, verbosity: 'executionStats' });
    read.push({ docs: sumOf(plan, 'totalDocsExamined'), keys: sumOf(plan, 'totalKeysExamined') });
  }
  return { enabled: enabled.map(({ id }) => id).sort((a, b) => a - b), disabled: Object.fromEntries(disabled), read };
}

function sumOf(plan: unknown, field: string): number {
  const figures = [...JSON.stringify(plan).matchAll(new RegExp(`"${field}":(?:\\{"low":)?(\\d+)`, 'g'))];
  return figures.reduce((sum, [, figure]) => sum + Number(figure), 0);
}

const newest = (ids: number[], more: boolean, organizationId = 'org1') => ({ organizationId, ids, more });

describe('the integrations that list tenants', () => {
  it('are the enabled ones of any organization, and the disabled ones of the own, with one command', async () => {
    await add(
      some(1, 1, { tenants: ['t1'] }),
      some(1, 2, { tenants: ['t3', 't2'], organizationId: 'org2' }),
      some(1, 3, { tenants: ['t1', 't2', 't9'], enabled: false }),
      some(1, 4, { tenants: ['t1'], enabled: false, organizationId: 'org2' }),
      some(1, 5, { tenants: ['t9'] }),
      some(1, 6, { tenants: ['t1'], enabled: false }),
    );
    expect(await found(tenant('t1'), tenant('t2'), tenant('t3'), tenant('t1'))).toEqual({
      enabled: [1, 2],
      disabled: { t1: newest([6, 3], false), t2: newest([3], false) },
      read: [{ docs: 5, keys: expect.any(Number) }],
    });
  });

  it('are read with one command that reads no more than it returns, and none for no tenant', async () => {
    await add(...tenants(40).map(({ id }, n) => some(4, 1 + 10 * n, { tenants: [id], organizationId: `org${n % 2}` })));
    const { enabled, disabled, read } = await found(...tenants(20));
    expect([enabled.length, disabled, read]).toEqual([80, {}, [{ docs: 80, keys: expect.any(Number) }]]);
    expect(read[0]!.keys).toBeLessThanOrEqual(80 + 20 + 1); // each range of the index has an end
    expect(await found()).toEqual({ enabled: [], disabled: {}, read: [] });
  });

  it('are the newest of the disabled ones, as many as may be enabled', async () => {
    await add(some(4, 1, { tenants: ['t1'], enabled: false }), some(3, 11, { tenants: ['t2'], enabled: false }));
    const { disabled } = await found(tenant('t1'), tenant('t2'));
    expect(disabled).toEqual({ t1: newest([4, 3, 2], true), t2: newest([13, 12, 11], false) });
  });

  it('are not read whole where very many are disabled', async () => {
    await add(
      some(2, 1, { tenants: ['t1'] }),
      some(3_000, 101, { tenants: ['t0', 't1'], enabled: false }),
      some(3_000, 4_001, { tenants: ['t1'], enabled: false, organizationId: 'org2' }),
      some(2, 9_001, { tenants: ['t2'], enabled: false }),
    );
    const { enabled, disabled, read } = await found(...tenants(4));
    expect(enabled).toEqual([1, 2]);
    const many = newest([3_100, 3_099, 3_098], true);
    expect(disabled).toEqual({ t0: many, t1: many, t2: newest([9_002, 9_001], false) });
    expect(read).toHaveLength(3);
    expect(read[0]!.docs).toBe(501);
    expect(read[1]!.docs).toBe(2);
    expect(read[2]).toEqual({ docs: 0, keys: 2 * (MOST + 1) + 2 });
  });

  it('are found by the hundred where a batch has more tenants', async () => {
    await add(some(600, 1, { tenants: ['t0', 't250'] }), some(1, 1_001, { tenants: ['t250'], enabled: false }));
    const { enabled, disabled, read } = await found(...tenants(251));
    expect([enabled.length, disabled, read.length]).toEqual([600, { t250: newest([1_001], false) }, 5]);
  });
});
