import type { CommandStartedEvent, Document } from 'mongodb';
import { integrationModel } from '../../test/support/models.js';
import { testDatabaseUri } from '../../test/world/database.js';
import { insertIntegrations } from '../../test/world/integrations.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from '../persistence/clock.js';
import { Database } from '../persistence/database.js';
import { IntegrationCounts } from './integration-counts.js';

/** A variable, as the compiler would look for types beside it. */
const MIGRATION: string = '../../migrations/0001-baseline.js';

const uri = testDatabaseUri('integration-counts-spec');
const database = new Database(testConfig({ MONGODB_URI: uri }), new Clock());
const counts = new IntegrationCounts(integrationModel(database));

beforeAll(async () => {
  await database.connection.openUri(uri, { monitorCommands: true });
  await database.connection.dropDatabase();
  const { up } = (await import(MIGRATION)) as { up: (db: unknown) => Promise<void> };
  await up(database.connection.db);
  const some = (count: number, from: number, more: { tenants: string[]; enabled?: boolean; organizationId?: string }) =>
    Array.from({ length: count }, (_, i) => ({
      id: from + i,
      organizationId: 'org1',
      url: 'https://a.example',
      ...more,
    }));
  await insertIntegrations(database.connection.db!, [
    ...some(300, 1, { tenants: ['t1', 'common'] }),
    ...some(40, 1_001, { tenants: ['t2', 'common'] }),
    ...some(300, 2_001, { tenants: ['t2', 't3', 'common'], enabled: false }),
    ...some(300, 3_001, { tenants: ['t2', 't3'], organizationId: 'org2' }),
  ]);
});
afterAll(() => database.connection.close());

/** @returns what `work` returns, and how many documents the engine reads for the one command that it sends */
async function examined<T>(work: () => Promise<T>): Promise<[T, number]> {
  const commands: Document[] = [];
  const note = ({ command }: CommandStartedEvent) => commands.push(command);
  const client = database.connection.getClient();
  client.on('commandStarted', note);
  const result = await work();
  client.off('commandStarted', note);
  expect(commands).toHaveLength(1);
  const { lsid: _, $db: __, ...explain } = commands[0]!;
  const plan = await database.connection.db!.command({ explain, verbosity: 'executionStats' });
  const figures = [...JSON.stringify(plan).matchAll(/"(?:totalDocsExamined|docsExamined)":(\d+)/g)];
  return [result, Math.max(...figures.map((figure) => Number(figure[1])))];
}

describe('IntegrationCounts', () => {
  it('counts the enabled integrations of an organization from the index alone, up to the limit', async () => {
    expect(await examined(() => counts.enabledIn('org1', 1_000))).toEqual([340, 0]);
    expect(await examined(() => counts.enabledIn('org1', 100))).toEqual([100, 0]);
    expect(await examined(() => counts.enabledIn('nobody', 100))).toEqual([0, 0]);
  });

  it('finds a tenant that has as many, reading no more than the limit for each tenant', async () => {
    expect(await examined(() => counts.tenantNamedBy(100, 'org1', ['t1']))).toEqual(['t1', 100]);
    expect(await examined(() => counts.tenantNamedBy(40, 'org1', ['t9', 't2']))).toEqual(['t2', expect.any(Number)]);
    expect(await counts.tenantNamedBy(41, 'org1', ['t2', 't3', 't9'])).toBeUndefined();
    expect(await counts.tenantNamedBy(341, 'org1', ['common', 't1', 't2'])).toBeUndefined();
    expect(await counts.tenantNamedBy(340, 'org1', ['t1', 'common', 't2'])).toBe('common');
    expect(await counts.tenantNamedBy(1, 'org1', [])).toBeUndefined();
  });
});
