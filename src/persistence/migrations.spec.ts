import type { Collection, Db, IndexDescription, IndexDescriptionInfo, MongoClient } from 'mongodb';
import { Schema } from 'mongoose';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, dropDatabase, testDatabaseUri } from '../../test/world/database.js';
import { schemaOptions } from './schema-options.js';

const SOURCE = join(__dirname, '..');
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

/** An index as the engine lists it; the key as a list, as the order of its fields counts. */
type Index = Omit<IndexDescriptionInfo, 'key'> & { key: [field: string, direction: unknown][] };

/** Every index but those on _id, by collection. */
async function indexes(db: Db): Promise<Record<string, Index[]>> {
  const collections = await db.listCollections().toArray();
  const lists = collections.map(async ({ name }) => [name, await indexesOf(db.collection(name))] as const);
  return Object.fromEntries((await Promise.all(lists)).filter(([, list]) => list.length > 0));
}

async function indexesOf(collection: Collection): Promise<Index[]> {
  const all = (await collection.indexes()).filter(({ name }) => name !== '_id_');
  const named = all.map(({ key, ...rest }) => ({ ...rest, key: Object.entries(key) }));
  return named.sort((one, other) => String(one.name).localeCompare(String(other.name)));
}

/** Makes what a schema declares, elsewhere. @returns the indexes as the engine lists them then */
async function declaredIndexes(schema: Schema): Promise<Index[]> {
  const elsewhere = client.db('test-migrations-declared').collection('declared');
  await elsewhere.drop();
  const declared = schema.indexes().map(([key, options]) => ({ key, ...options }) as IndexDescription);
  if (declared.length === 0) return [];
  await elsewhere.createIndexes(declared);
  return indexesOf(elsewhere);
}

const SCHEMA_FILES = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.schema.ts'))
  .sort();

/** The exported schemas that name a collection; those of embedded documents do not. */
const SCHEMAS = SCHEMA_FILES.flatMap((file) => {
  const exported = Object.values(jest.requireActual<Record<string, unknown>>(join(SOURCE, file)));
  const schemas = exported.filter((value) => value instanceof Schema);
  return schemas.map((schema) => ({ file, collection: String(schema.get('collection')), schema }));
}).filter(({ collection }) => collection !== 'undefined');

describe('migrations/', () => {
  it('are numbered without a gap, so that their order is plain', () => {
    expect(FILES.map((file) => /^(\d{4})-[a-z0-9-]+\.js$/.exec(file)?.[1])).toEqual(
      FILES.map((_, index) => String(index + 1).padStart(4, '0')),
    );
  });

  it('go up, again, down, down again and up: a crash in the middle of one is mended by the next start', async () => {
    await up();
    const made = await indexes(client.db());
    expect(Object.keys(made)).toEqual(expect.arrayContaining(['completions', 'integrations', 'mails']));
    await up();
    expect(await indexes(client.db())).toEqual(made);
    for (let time = 1; time <= 2; time++) {
      for (const migration of [...migrations].reverse()) await migration.down(client.db());
      expect(await indexes(client.db())).toEqual({});
    }
    await up();
    expect(await indexes(client.db())).toEqual(made);
  });

  it.each(FILES)('%s says of each index which query it serves', (file) => {
    expect(unexplained(join(FOLDER, file), /\bkey: \{/)).toEqual([]);
  });
});

describe('the schemas', () => {
  it.each(SCHEMAS)('$file declares the indexes that the migrations make', async ({ collection, schema }) => {
    await up();
    const made = await indexes(client.db());
    expect(await declaredIndexes(schema)).toEqual(made[collection] ?? []);
  });

  it('are one per collection, for every collection that the migrations index', async () => {
    await up();
    const collections = SCHEMAS.map(({ collection }) => collection);
    expect(new Set(collections).size).toBe(collections.length);
    const indexed = Object.keys(await indexes(client.db()));
    expect(indexed.filter((collection) => !collections.includes(collection))).toEqual([]);
  });

  it.each(SCHEMAS)('$file has the options that all schemas share', ({ schema }) => {
    const own = Object.keys(schemaOptions).map((option) => [option, schema.get(option as keyof typeof schemaOptions)]);
    expect(Object.fromEntries(own)).toEqual(schemaOptions);
  });

  it.each(SCHEMA_FILES)('%s says of each index which query it serves', (file) => {
    expect(unexplained(join(SOURCE, file), /\.index\(/)).toEqual([]);
  });
});

/** @returns the lines that begin an index and have no comment above, or above the object that opens with it */
function unexplained(file: string, index: RegExp): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line, at) => index.test(line) && !explained(lines, at));
}

function explained(lines: readonly string[], at: number): boolean {
  const above = lines[at - 1]?.trim() === '{' ? lines[at - 2] : lines[at - 1];
  return above?.trim().startsWith('//') ?? false;
}
