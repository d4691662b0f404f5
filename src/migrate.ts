import 'reflect-metadata';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { environment } from './config/environment.js';
import { MigrationConfig } from './config/migration-config.js';
import { Clock } from './persistence/clock.js';
import { Database } from './persistence/database.js';
import { JobLease } from './persistence/job-lease.js';
import { LEASE, type LeaseDocument, leaseSchema } from './persistence/lease.schema.js';
import { Migrator } from './persistence/migrator.js';

/**
 * `npm run migrate`: applies pending migrations under the same lease as a start of the service, then ends. Unlike the
 * service it does not wait for a database that is away: a release that cannot migrate has to fail.
 */
async function main(): Promise<void> {
  const config = MigrationConfig.fromEnvironment(environment());
  Logger.overrideLogger(new ConsoleLogger({ json: true }));
  const database = new Database(config, new Clock());
  const leases = database.connection.model<LeaseDocument>(LEASE, leaseSchema);
  new Migrator(database, new JobLease(leases), config); // has the database apply the migrations when it is opened
  try {
    await database.open();
  } finally {
    await database.onApplicationShutdown();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
