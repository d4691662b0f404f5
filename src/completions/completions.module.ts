import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { CircuitProbes } from './circuit-probes.js';
import { CircuitStates } from './circuit-states.js';
import { CompletionRepository } from './completion.repository.js';
import { COMPLETION, completionSchema } from './completion.schema.js';
import { DeliveryHistory } from './delivery-history.js';
import { DestinationList } from './destination-list.js';
import { DestinationRepository } from './destination.repository.js';
import { DESTINATION, destinationSchema } from './destination.schema.js';
import { DueAlarm } from './due-alarm.js';
import { DueTimesWriter } from './due-times.js';
import { ForgottenWork } from './forgotten-work.js';
import { HeldWork } from './held-work.js';
import { IntegrationErrorRepository } from './integration-error.repository.js';
import { INTEGRATION_ERROR, integrationErrorSchema } from './integration-error.schema.js';
import { IntentRepository } from './intent.repository.js';
import { INTENT, intentSchema } from './intent.schema.js';
import { OutcomeWriter } from './outcome-writer.js';
import { Redelivery } from './redelivery.js';
import { RedeliveryRepository } from './redelivery.repository.js';
import { REDELIVERY, redeliverySchema } from './redelivery.schema.js';
import { SessionSearch } from './session-search.js';

/** The record of ended sessions: intents, completions, due times. Nobody else opens these collections. */
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: COMPLETION, schema: completionSchema },
      { name: DESTINATION, schema: destinationSchema },
      { name: INTEGRATION_ERROR, schema: integrationErrorSchema },
      { name: INTENT, schema: intentSchema },
      { name: REDELIVERY, schema: redeliverySchema },
    ]),
  ],
  providers: [
    CircuitProbes,
    CircuitStates,
    CompletionRepository,
    DeliveryHistory,
    DestinationList,
    DestinationRepository,
    DueAlarm,
    DueTimesWriter,
    ForgottenWork,
    HeldWork,
    IntegrationErrorRepository,
    IntentRepository,
    OutcomeWriter,
    Redelivery,
    RedeliveryRepository,
    SessionSearch,
  ],
  exports: [
    CircuitProbes,
    CircuitStates,
    CompletionRepository,
    DeliveryHistory,
    DestinationList,
    DestinationRepository,
    DueAlarm,
    ForgottenWork,
    HeldWork,
    IntegrationErrorRepository,
    IntentRepository,
    OutcomeWriter,
    Redelivery,
    RedeliveryRepository,
    SessionSearch,
  ],
})
export class CompletionsModule {}
