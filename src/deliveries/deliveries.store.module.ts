import { Module } from '@nestjs/common';
import { WaitingDeliveries } from '../notifications/waiting-deliveries.js';
import { CompletionRepository } from './completion.repository.js';
import { DeliveryHistory } from './delivery-history.js';
import { DestinationRepository } from './destination.repository.js';
import { DetectionRepository } from './detection.repository.js';
import { IntegrationErrorRepository } from './integration-error.repository.js';

/** What is owed and was done, as stored; for those who only look. Who pays it is another module. */
@Module({
  providers: [
    CompletionRepository,
    DeliveryHistory,
    DestinationRepository,
    DetectionRepository,
    IntegrationErrorRepository,
    { provide: WaitingDeliveries, useExisting: DeliveryHistory },
  ],
  exports: [
    CompletionRepository,
    DeliveryHistory,
    DestinationRepository,
    DetectionRepository,
    IntegrationErrorRepository,
    WaitingDeliveries,
  ],
})
export class DeliveriesStoreModule {}
