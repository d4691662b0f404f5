import { Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { Counter } from './counter.js';
import { Database } from './database.js';
import { JobLease } from './job-lease.js';
import { Migrator } from './migrator.js';
import { Secrets } from './secrets.js';

/** The database and what every room needs of it. */
@Global()
@Module({
  providers: [Clock, Counter, Database, JobLease, Migrator, Secrets],
  exports: [Clock, Counter, Database, JobLease, Secrets],
})
export class PersistenceModule {}
