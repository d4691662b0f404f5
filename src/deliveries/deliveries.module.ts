import { Module } from '@nestjs/common';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { AttemptReport } from './attempt-report.js';
import { AttemptRunner } from './attempt-runner.js';
import { BodyCache } from './body-cache.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import { FlowChannel } from './channels/flow.channel.js';
import { SurveysChannel } from './channels/surveys.channel.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { Circuits } from './dispatch/circuits.js';
import { DeadDeliveryAlerts } from './dead-delivery-alerts.js';
import { DeliveriesShutdown } from './deliveries.shutdown.js';
import { CompletionsModule } from '../completions/completions.module.js';
import { DeliveryEvents } from './delivery-events.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { EventLoopDelay } from './dispatch/event-loop-delay.js';
import { FoundLimits } from './found-limits.js';
import { FirstAttempts } from './first-attempts.js';
import { IntegrationHealth } from './integration-health.js';
import { RedeliveryWorker } from './redelivery-worker.js';
import { RetryWorker } from './retry-worker.js';
import { PurgeJob } from './purge.job.js';

/** Attempts: first attempts, retries, and what they say about integrations and destinations. */
@Module({
  imports: [CompletionsModule, IntegrationsModule, NotificationsModule, PlatformModule, WebhooksModule],
  providers: [
    AnalysisChannel,
    AttemptReport,
    AttemptRunner,
    BodyCache,
    Circuits,
    DeadDeliveryAlerts,
    DeliveriesShutdown,
    DeliveryEvents,
    Dispatcher,
    EventLoopDelay,
    FirstAttempts,
    FlowChannel,
    FoundLimits,
    IntegrationHealth,
    RedeliveryWorker,
    RetryWorker,
    PurgeJob,
    SurveysChannel,
    WebhookChannel,
  ],
  exports: [DeliveryEvents, Dispatcher, AttemptRunner, FirstAttempts, RedeliveryWorker, WebhooksModule],
})
export class DeliveriesModule {}
