import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { IntegrationErrorsController } from './integration-errors.controller.js';
import { IntegrationErrorsRepository } from './integration-errors.repository.js';
import { IntegrationValidator } from './integration.validator.js';
import { IntegrationsController } from './integrations.controller.js';
import { IntegrationsService } from './integrations.service.js';
import { IntegrationsStoreModule } from './integrations.store.module.js';

/** The REST API by which administrators manage their integrations. */
@Module({
  imports: [AuthModule, IntegrationsStoreModule, PlatformModule],
  controllers: [IntegrationErrorsController, IntegrationsController],
  providers: [IntegrationErrorsRepository, IntegrationsService, IntegrationValidator],
})
export class IntegrationsModule {}
