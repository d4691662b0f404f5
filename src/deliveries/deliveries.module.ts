import { Module } from '@nestjs/common';
import { IntegrationsStoreModule } from '../integrations/integrations.store.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { AttemptRunner } from './attempt-runner.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import { FlowTriggerChannel } from './channels/flow-trigger.channel.js';
import { SurveyTriggerChannel } from './channels/survey-trigger.channel.js';
import { WebhookClient } from './channels/webhook-client.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { CircuitBoard } from './circuit-board.js';
import { CompletionRepository } from './completion.repository.js';
import { DeliveriesShutdown } from './deliveries.shutdown.js';
import { DestinationRepository } from './destination.repository.js';
import { Dispatcher } from './dispatcher.js';
import { FirstAttempts } from './first-attempts.js';
import { IntegrationErrorRepository } from './integration-error.repository.js';
import { Lanes } from './lanes.js';
import { OutcomeWriter } from './outcome-writer.js';
import { PurgeJob } from './purge.job.js';

/** What is owed for ended sessions, and how it is paid. */
@Module({
  imports: [PlatformModule, IntegrationsStoreModule],
  providers: [
    AnalysisChannel,
    AttemptRunner,
    CircuitBoard,
    CompletionRepository,
    DeliveriesShutdown,
    DestinationRepository,
    Dispatcher,
    FirstAttempts,
    FlowTriggerChannel,
    IntegrationErrorRepository,
    Lanes,
    OutcomeWriter,
    PurgeJob,
    SurveyTriggerChannel,
    WebhookChannel,
    WebhookClient,
  ],
  exports: [
    CompletionRepository,
    DestinationRepository,
    Dispatcher,
    FirstAttempts,
    IntegrationErrorRepository,
    OutcomeWriter,
    WebhookClient,
  ],
})
export class DeliveriesModule {}
