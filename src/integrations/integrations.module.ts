import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { ExampleDeliveryController } from './example-delivery.controller.js';
import { ExampleDeliveryService } from './example-delivery.service.js';
import { IntegrationErrorsController } from './integration-errors.controller.js';
import { IntegrationErrorsRepository } from './integration-errors.repository.js';
import { IntegrationValidator } from './integration.validator.js';
import { IntegrationsController } from './integrations.controller.js';
import { IntegrationsService } from './integrations.service.js';
import { IntegrationsStoreModule } from './integrations.store.module.js';
import { Resealing } from './resealing.js';
import { SigningSecretsController } from './signing-secrets.controller.js';
import { SigningSecretsService } from './signing-secrets.service.js';

/** The REST API by which administrators manage their integrations. */
@Module({
  imports: [AuthModule, DeliveriesModule, IntegrationsStoreModule, PlatformModule],
  controllers: [
    IntegrationErrorsController,
    IntegrationsController,
    SigningSecretsController,
    ExampleDeliveryController,
  ],
  providers: [
    ExampleDeliveryService,
    IntegrationErrorsRepository,
    IntegrationsService,
    IntegrationValidator,
    Resealing,
    SigningSecretsService,
  ],
})
export class IntegrationsModule {}
