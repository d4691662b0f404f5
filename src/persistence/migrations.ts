import type { Connection } from 'mongoose';
import { join } from 'node:path';

/** migrate-mongo is ESM; to `require` it shows each export as a promise, to `import` the export itself. */
async function migrateMongo() {
  const library = await import('migrate-mongo');
  const config = await Promise.resolve(library.config);
  const status = await Promise.resolve(library.status);
  const up = await Promise.resolve(library.up);
  config.set({
    migrationsDir: join(__dirname, '..', '..', 'migrations'),
    changelogCollectionName: 'changelog',
    lockCollectionName: 'changelog_lock',
    lockTtl: 0, // JobLease locks instead: this library's lock would need a TTL index to expire
    migrationFileExtension: '.js',
    useFileHash: false,
    moduleSystem: 'commonjs',
  });
  return { status, up };
}

/**
 * Applies the pending files of `migrations/` in order. Each can be repeated: when a crash interrupts one, the next
 * start runs it again.
 *
 * @returns the file names that were applied
 */
export async function applyMigrations(connection: Connection): Promise<string[]> {
  const { up } = await migrateMongo();
  return up(connection.db as never, connection.getClient());
}

/** @returns whether a migration waits to be applied */
export async function migrationsPending(connection: Connection): Promise<boolean> {
  const { status } = await migrateMongo();
  const items = await status(connection.db as never);
  return items.some((item) => item.appliedAt === 'PENDING');
}
