import { config as migrateConfig, status, up } from 'migrate-mongo';
import type { Connection } from 'mongoose';
import { join } from 'node:path';

/**
 * Applies what is pending in `migrations/`, in order. Every migration can be repeated, so a crash in the middle of one
 * is mended by the next start.
 *
 * @returns the file names that were applied
 */
export async function applyMigrations(connection: Connection): Promise<string[]> {
  migrateConfig.set({
    migrationsDir: join(__dirname, '..', '..', 'migrations'),
    changelogCollectionName: 'changelog',
    lockCollectionName: 'changelog_lock',
    lockTtl: 0, // our own JobLease keeps replicas apart; migrate-mongo's lock would need a TTL index to be let go
    migrationFileExtension: '.js',
    useFileHash: false,
    moduleSystem: 'commonjs',
  });
  return up(connection.db as never, connection.getClient() as never);
}

/** @returns whether a migration waits to be applied */
export async function migrationsPending(connection: Connection): Promise<boolean> {
  const items = await status(connection.db as never);
  return items.some((item) => item.appliedAt === 'PENDING');
}
