import { Global, Module } from '@nestjs/common';
import { getConnectionToken, MongooseModule } from '@nestjs/mongoose';
import { Clock } from './clock.js';
import { COUNTER, counterSchema } from './counter.schema.js';
import { Counter } from './counter.js';
import { Database } from './database.js';
import { Heartbeat } from './heartbeat.js';
import { HEARTBEATS, heartbeatsSchema } from './heartbeat.schema.js';
import { JobLease } from './job-lease.js';
import { LEASE, leaseSchema } from './lease.schema.js';
import { Migrator } from './migrator.js';
import { Secrets } from './secrets.js';

/**
 * The database, and what every room uses of it. The connection is provided under the token that
 * `MongooseModule.forFeature` injects; `forRoot` would end the process by an unhandled rejection when no database
 * answers at the start.
 */
@Global()
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: COUNTER, schema: counterSchema },
      { name: HEARTBEATS, schema: heartbeatsSchema },
      { name: LEASE, schema: leaseSchema },
    ]),
  ],
  providers: [
    Clock,
    Counter,
    Database,
    Heartbeat,
    JobLease,
    Migrator,
    Secrets,
    { provide: getConnectionToken(), useFactory: ({ connection }: Database) => connection, inject: [Database] },
  ],
  exports: [Clock, Counter, Database, Heartbeat, JobLease, Secrets, getConnectionToken()],
})
export class PersistenceModule {}
