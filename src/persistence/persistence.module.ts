import { Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { Counter } from './counter.js';
import { Database } from './database.js';
import { JobLease } from './job-lease.js';
import { Migrator } from './migrator.js';

/** The database and what every room needs of it. */
@Global()
@Module({
  providers: [Clock, Counter, Database, JobLease, Migrator],
  exports: [Clock, Counter, Database, JobLease],
})
export class PersistenceModule {}
