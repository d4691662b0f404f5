import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { Database } from './database.js';
import { JobLease } from './job-lease.js';
import { applyMigrations, migrationsPending } from './migrations.js';

const LEASE = 'migrations';
const LEASE_MS = 300_000;
const LOOK_AGAIN_MS = 500;

/** Applies pending migrations before `Database.whenReady` resolves, one replica at a time; the others wait for it. */
@Injectable()
export class Migrator {
  private readonly logger = new Logger(Migrator.name);

  constructor(
    private readonly database: Database,
    private readonly lease: JobLease,
    config: Config,
  ) {
    if (config.migrationsOnStart) database.prepareWith(() => this.migrate());
  }

  async migrate(): Promise<void> {
    while (await migrationsPending(this.database.connection)) {
      if (!(await this.lease.take(LEASE, LEASE_MS))) {
        await delay(LOOK_AGAIN_MS);
        continue;
      }
      try {
        const applied = await applyMigrations(this.database.connection);
        this.logger.log({ applied }, 'migrations applied');
      } finally {
        await this.lease.release(LEASE);
      }
    }
  }
}
