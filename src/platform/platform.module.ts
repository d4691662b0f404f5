import { HttpModule } from '@nestjs/axios';
import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { RetryTimer } from '../transport/backoff.js';
import { Connections } from '../transport/connections.js';
import { undiciOptions } from '../transport/undici-adapter.js';
import { CoreClient } from './core/core.client.js';
import { CoreClock } from './core/core-clock.js';
import { CoreWitness } from './core/core-witness.js';
import { OrganizationTenants } from './core/organization-tenants.js';
import { RecentTenants } from './core/recent-tenants.js';
import { SurveyDirectory } from './core/survey-directory.js';
import { TenantDirectory } from './core/tenant-directory.js';
import { EventPublisherClient } from './event-publisher/event-publisher.client.js';
import { MemoryBudget } from './memory-budget.js';
import { NlpClient } from './nlp/nlp.client.js';
import { PlatformCalls } from './platform-calls.js';
import { PlatformHttp } from './platform-http.js';

/** Connections to one service beside those of its deliveries: for checks, look-ups and pipelines. */
const OTHER_CONNECTIONS = 64;

/** HttpService over undici. Nest closes the connections at the shutdown, after all that uses them. */
const HttpOverUndici = HttpModule.registerAsync({
  extraProviders: [
    {
      provide: Connections,
      inject: [Config],
      useFactory: ({ deliveryConcurrency, requestTimeoutMs }: Config) =>
        new Connections({
          connections: deliveryConcurrency + OTHER_CONNECTIONS,
          connectTimeoutMs: requestTimeoutMs,
        }),
    },
  ],
  inject: [Connections],
  useFactory: undiciOptions,
});

/** One client per service of the platform. */
@Module({
  imports: [HttpOverUndici],
  providers: [
    CoreClient,
    CoreClock,
    CoreWitness,
    EventPublisherClient,
    MemoryBudget,
    NlpClient,
    OrganizationTenants,
    PlatformCalls,
    PlatformHttp,
    RecentTenants,
    RetryTimer,
    SurveyDirectory,
    TenantDirectory,
  ],
  exports: [
    CoreClient,
    CoreClock,
    CoreWitness,
    EventPublisherClient,
    MemoryBudget,
    NlpClient,
    OrganizationTenants,
    PlatformCalls,
    RecentTenants,
    SurveyDirectory,
    TenantDirectory,
  ],
})
export class PlatformModule {}
