import { counterModel, integrationModel, integrationVersionModel } from '../../test/support/models.js';
import { testDatabaseUri } from '../../test/world/database.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from '../persistence/clock.js';
import { Counter } from '../persistence/counter.js';
import { Database } from '../persistence/database.js';
import { Secrets } from '../persistence/secrets.js';
import { IntegrationChanges } from './integration-changes.js';
import { IntegrationRepository, type IntegrationSettings } from './integration.repository.js';
import { formerSigningSecrets } from './signing-secret.js';

const HOUR = 3_600_000;
/** A variable, as the compiler would look for types beside it. */
const MIGRATION: string = '../../migrations/0001-baseline.js';

interface Plan {
  executionStats: { nReturned: number; totalDocsExamined: number };
}

const uri = testDatabaseUri('integration-repository-spec');

const config = testConfig({ MONGODB_URI: uri });

class MovableClock extends Clock {
  at = Date.UTC(2026, 0, 1);
  override now(): number {
    return this.at;
  }
}

const clock = new MovableClock();
const database = new Database(config, new Clock());
const repository = new IntegrationRepository(
  integrationModel(database),
  new Counter(counterModel(database)),
  clock,
  new Secrets(config),
  new IntegrationChanges(integrationVersionModel(database), clock),
);

function settings(changes: Partial<IntegrationSettings> = {}): IntegrationSettings {
  return {
    url: 'https://customer.example/hook',
    tenants: ['t1', 't2'],
    headers: [{ name: 'X-Key', value: 'header-secret' }],
    enabled: true,
    errorEmailRecipients: ['ops@customer.example'],
    ...changes,
  };
}

const create = (organizationId: string, changes: Partial<IntegrationSettings> = {}) =>
  repository.create(organizationId, settings(changes), 'ada@org.example', 'whsec_Zmlyc3Q=');

beforeAll(async () => {
  await database.connection.openUri(uri);
  await database.connection.collection('integrations').deleteMany({});
});

afterEach(() => database.connection.collection('integrations').deleteMany({}));
afterAll(() => database.connection.close());

describe('IntegrationRepository', () => {
  it('stores header values and signing secrets sealed, and opens them on demand', async () => {
    const created = await create('org1');
    const stored = await database.connection.collection('integrations').findOne({ organizationId: 'org1' });
    expect(JSON.stringify(stored)).not.toMatch(/header-secret|whsec_/);
    expect(repository.openHeaders(created)).toEqual([{ name: 'X-Key', value: 'header-secret' }]);
    expect(repository.activeSigningSecrets(created, clock.now())).toEqual(['whsec_Zmlyc3Q=']);
    expect(await repository.findById(created.id)).toEqual(created);
  });

  it('never gives a numeric id twice, also after a delete', async () => {
    const first = await create('org1');
    expect(await repository.delete('org1', first.id)).toBe(true);
    expect((await create('org1')).id).toBeGreaterThan(first.id);
  });

  it('keeps organizations apart', async () => {
    const mine = await create('org1');
    expect(await repository.findInOrganization('org2', mine.id)).toBeNull();
    expect(await repository.change({ ...mine, organizationId: 'org2' }, settings(), 'eve')).toBeNull();
    expect(await repository.delete('org2', mine.id)).toBe(false);
    expect(await repository.list('org2')).toEqual([]);
    expect(await repository.list('org1')).toEqual([mine]);
  });

  it('reads by index no more than it returns', async () => {
    const { up } = (await import(MIGRATION)) as {
      up: (db: unknown) => Promise<void>;
    };
    await up(database.connection.db);
    for (let i = 0; i < 20; i++) await create(i < 5 ? 'org1' : 'org2', { tenants: [`t${i % 4}`, 'common'] });
    const integrations = database.connection.collection('integrations');
    const listed = await integrations.find({ organizationId: 'org1' }).sort({ _id: 1 }).explain('executionStats');
    const { nReturned, totalDocsExamined } = (listed as Plan).executionStats;
    expect([nReturned, totalDocsExamined]).toEqual([5, 5]);
  });

  it('changes the settings that are given, keeps everything else, and counts versions', async () => {
    const created = await create('org1');
    clock.at += HOUR;
    const changed = await repository.change(created, { headers: [], tenants: ['t5'] }, 'bob');
    expect(changed).toEqual({
      ...created,
      headers: [],
      tenants: ['t5'],
      modifiedBy: 'bob',
      modifiedAt: new Date(clock.at),
      version: 2,
    });
    expect(await repository.change(created, settings(), 'late')).toBeNull();
    expect(await repository.delete('org1', created.id, 1)).toBe(false);
    expect(await repository.delete('org1', created.id, 2)).toBe(true);
  });

  it('lets the former signing secret sign for the overlap and no longer', async () => {
    const created = await create('org1');
    const at = clock.now();
    const former = formerSigningSecrets(created.signingSecrets, 24 * HOUR, at);
    const rotated = await repository.rotateSigningSecret(created, 'whsec_c2Vjb25k', former, new Date(at));
    expect(repository.activeSigningSecrets(rotated!, at)).toEqual(['whsec_c2Vjb25k', 'whsec_Zmlyc3Q=']);
    expect(repository.activeSigningSecrets(rotated!, at + 24 * HOUR)).toEqual(['whsec_c2Vjb25k']);
    expect(await repository.rotateSigningSecret(created, 'whsec_bGF0ZQ==', former, new Date(at))).toBeNull();
  });

  it('is disabled by the service once, and forgets why when it is enabled again', async () => {
    const { id } = await create('org1');
    const at = new Date(clock.now());
    expect(await repository.disable(id, 'gone', at)).toBe(true);
    expect(await repository.disable(id, 'gone', at)).toBe(false);
    expect(await repository.findById(id)).toMatchObject({ enabled: false, disabledReason: 'gone', disabledAt: at });
    await repository.change((await repository.findById(id))!, settings({ enabled: false }), 'bob');
    expect(await repository.findById(id)).toMatchObject({ enabled: false, disabledReason: 'gone' });
    const enabled = await repository.change((await repository.findById(id))!, { enabled: true }, 'bob');
    expect(Object.keys(enabled!)).not.toEqual(expect.arrayContaining(['disabledReason', 'disabledAt']));
  });

  it('remembers the first failure since the last success', async () => {
    const { id } = await create('org1');
    const [first, second, third] = [1, 2, 3].map((hour) => new Date(clock.now() + hour * HOUR));
    expect(await repository.noteSuccess(id, first!)).toBeNull();
    expect(await repository.noteFailure(id, first!)).toEqual(first);
    expect(await repository.noteFailure(id, second!)).toEqual(first);
    expect(await repository.noteSuccess(id, third!)).toEqual(first);
    expect(await repository.findById(id)).toMatchObject({ recoveredAt: third });
    expect(await repository.noteFailure(id, third!)).toEqual(third);
    expect(await repository.noteFailure(-1, third!)).toBeNull();
  });
});
