import { type Db, MongoClient } from 'mongodb';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The list of applied migrations, and what belongs to the engine. */
const KEPT = /^(?:changelog$|system\.)/;

/**
 * A database of one's own on the engine that the suite runs on (MONGODB_URI, set by global-setup).
 *
 * @param name one per test file; the same name gives the same database
 * @throws Error when MONGODB_URI is missing, or the name is not one a database can have
 */
export function testDatabaseUri(name: string): string {
  const base = process.env['MONGODB_URI'];
  if (!base) throw new Error('MONGODB_URI is not set: run under jest');
  return databaseUri(base, `test-${name}`);
}

/** The same server, another database. */
export function databaseUri(base: string, database: string): string {
  if (!/^[\w-]{1,60}$/.test(database)) throw new Error(`${database} is no name for a database`);
  const parts = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(base);
  if (!parts) throw new Error('MONGODB_URI is no mongodb:// URI');
  return `${parts[1]}/${database}${parts[2] ?? ''}`;
}

/** A native client; the caller closes it. `client.db()` is the database that the URI names. */
export async function connect(uri: string): Promise<MongoClient> {
  return new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 }).connect();
}

export async function dropDatabase(uri: string): Promise<void> {
  const client = await connect(uri);
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}

const used = new Set<string>();

/**
 * Makes a database empty: dropped the first time in a test file, and emptied from then on, its indexes and the list of
 * applied migrations kept. The embedded engine keeps the files of dropped collections open until it ends, some eighty
 * for each time that the service makes its indexes: a suite that drops before each test reaches the limit of open files,
 * and the engine ends.
 */
export async function clearDatabase(uri: string): Promise<void> {
  if (!used.has(uri)) {
    used.add(uri);
    return dropDatabase(uri);
  }
  const client = await connect(uri);
  try {
    const collections = await client.db().collections();
    const emptied = collections.filter(({ collectionName }) => !KEPT.test(collectionName));
    await Promise.all(emptied.map((collection) => collection.deleteMany({})));
  } finally {
    await client.close();
  }
}

/** Applies every file of migrations/, in order. */
export async function migrate(uri: string): Promise<void> {
  const folder = join(__dirname, '..', '..', 'migrations');
  const load = createRequire(__filename); // they are CommonJS
  const client = await connect(uri);
  try {
    for (const file of readdirSync(folder).sort()) {
      const migration = load(join(folder, file)) as { up(db: Db): Promise<void> };
      await migration.up(client.db());
    }
  } finally {
    await client.close();
  }
}
