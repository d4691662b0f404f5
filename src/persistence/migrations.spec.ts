import type { Db, MongoClient } from 'mongodb';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newDelivery } from '../deliveries/completion.js';
import { connect, dropDatabase, testDatabaseUri } from '../../test/support/database.js';

const FOLDER = join(__dirname, '..', '..', 'migrations');
const FILES = readdirSync(FOLDER).sort();
const uri = testDatabaseUri('migrations-spec');

interface Migration {
  up(db: Db): Promise<void>;
  down(db: Db): Promise<void>;
}

const migrations = FILES.map((file) => jest.requireActual<Migration>(join(FOLDER, file)));
let client: MongoClient;

beforeAll(async () => {
  await dropDatabase(uri);
  client = await connect(uri);
});
afterAll(() => client.close());

async function up(): Promise<void> {
  for (const migration of migrations) await migration.up(client.db());
}

/** Every index but those on _id, as `collection.name`. */
async function indexes(): Promise<string[]> {
  const collections = await client.db().listCollections().toArray();
  const names = collections.map(async ({ name }) => {
    const all = await client.db().collection(name).indexes();
    return all.filter((index) => index.name !== '_id_').map((index) => `${name}.${index.name}`);
  });
  return (await Promise.all(names)).flat().sort();
}

describe('migrations/', () => {
  it('are numbered without a gap, so that their order is plain', () => {
    expect(FILES.map((file) => /^(\d{4})-[a-z0-9-]+\.js$/.exec(file)?.[1])).toEqual(
      FILES.map((_, index) => String(index + 1).padStart(4, '0')),
    );
  });

  it('go up, again, down, down again and up: a crash in the middle of one is mended by the next start', async () => {
    await up();
    const made = await indexes();
    expect(made).toContain('completions.deliveries-due');
    expect(made).toContain('integrations.organization');
    await up();
    expect(await indexes()).toEqual(made);
    for (let time = 1; time <= 2; time++) {
      for (const migration of [...migrations].reverse()) await migration.down(client.db());
      expect(await indexes()).toEqual([]);
    }
    await up();
    expect(await indexes()).toEqual(made);
  });

  it('0006 moves what was detected to a page of its own, and back', async () => {
    const db = client.db();
    const move = migrations[FILES.indexOf('0006-detections.js')]!;
    const completions = db.collection<{ _id: string }>('completions');
    const detected = { _id: 's1', state: 'detected', open: true, lease: 'l1', leaseUntil: new Date(0), deliveries: [] };
    await completions.insertMany([detected, { _id: 's2', state: 'completed' } as { _id: string }]);
    for (let time = 1; time <= 2; time++) {
      await move.up(db);
      expect(await completions.distinct('_id')).toEqual(['s2']);
      const { lease, leaseUntil } = detected;
      expect(await db.collection('detections').find().toArray()).toMatchObject([
        { lease, leaseUntil, completions: [detected] },
      ]);
    }
    await move.down(db);
    expect(await completions.findOne({ _id: 's1' })).toEqual(detected);
    expect(await db.collection('detections').countDocuments()).toBe(0);
  });

  it('0006 makes whole deliveries of what a page says, going down', async () => {
    const db = client.db();
    const move = migrations[FILES.indexOf('0006-detections.js')]!;
    await move.up(db);
    const destinations = ['flow', 'surveys', 'analysis', 'webhook:7'];
    const page = { lease: 'l1', leaseUntil: new Date(0), completions: [{ _id: 's3', destinations }] };
    await db.collection('detections').insertOne(page);
    await move.down(db);
    const completions = db.collection<{ _id: string }>('completions');
    expect(await completions.findOne({ _id: 's3' })).toEqual({
      _id: 's3',
      state: 'detected',
      open: true,
      lease: 'l1',
      leaseUntil: new Date(0),
      deliveries: destinations.map(newDelivery),
    });
  });

  it.each(FILES)('%s says of each index which query it serves', (file) => {
    const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n');
    const bare = lines.filter((line, at) => /\bkey: \{/.test(line) && !explained(lines, at));
    expect(bare).toEqual([]);
  });
});

/** A comment stands right above the index, or above the call or object that opens with it. */
function explained(lines: readonly string[], at: number): boolean {
  return lines.slice(Math.max(0, at - 2), at).some((line) => line.trim().startsWith('//'));
}
