import { Module } from '@nestjs/common';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { AttemptReport } from './attempt-report.js';
import { AttemptRunner } from './attempt-runner.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import { FlowTriggerChannel } from './channels/flow-trigger.channel.js';
import { SurveyTriggerChannel } from './channels/survey-trigger.channel.js';
import { WebhookClient } from './channels/webhook-client.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { CircuitBoard } from './circuit-board.js';
import { DeliveriesShutdown } from './deliveries.shutdown.js';
import { DeliveriesStoreModule } from './deliveries.store.module.js';
import { DeliveryEvents } from './delivery-events.js';
import { Dispatcher } from './dispatcher.js';
import { FirstAttempts } from './first-attempts.js';
import { IntegrationHealth } from './integration-health.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './outcome-writer.js';
import { PurgeJob } from './purge.job.js';
import { Resending } from './resending.js';

/** What is owed for ended sessions, and how it is paid. */
@Module({
  imports: [DeliveriesStoreModule, IntegrationsStoreModule, NotificationsModule, PlatformModule],
  providers: [
    AnalysisChannel,
    AttemptReport,
    AttemptRunner,
    CircuitBoard,
    DeliveriesShutdown,
    DeliveryEvents,
    Dispatcher,
    FirstAttempts,
    FlowTriggerChannel,
    IntegrationHealth,
    Lanes,
    OutcomeWriter,
    PurgeJob,
    Resending,
    SurveyTriggerChannel,
    WebhookChannel,
    WebhookClient,
  ],
  exports: [DeliveriesStoreModule, DeliveryEvents, Dispatcher, FirstAttempts, OutcomeWriter, Resending, WebhookClient],
})
export class DeliveriesModule {}
