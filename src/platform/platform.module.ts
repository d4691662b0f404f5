import { HttpModule } from '@nestjs/axios';
import { Module } from '@nestjs/common';
import { CoreClient } from './core/core.client.js';
import { SurveyDirectory } from './core/survey-directory.js';
import { TenantDirectory } from './core/tenant-directory.js';
import { EventPublisherClient } from './event-publisher/event-publisher.client.js';
import { NlpClient } from './nlp/nlp.client.js';
import { PlatformCalls } from './platform-calls.js';
import { PlatformHttp } from './platform-http.js';
import { RetryTimer } from './retry-policy.js';

/** One client per service of the platform. */
@Module({
  imports: [HttpModule],
  providers: [
    CoreClient,
    EventPublisherClient,
    NlpClient,
    PlatformCalls,
    PlatformHttp,
    RetryTimer,
    SurveyDirectory,
    TenantDirectory,
  ],
  exports: [CoreClient, EventPublisherClient, NlpClient, PlatformCalls, SurveyDirectory, TenantDirectory],
})
export class PlatformModule {}
