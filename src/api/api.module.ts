import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { CompletionsModule } from '../completions/completions.module.js';
import { DeliveriesModule } from '../deliveries/deliveries.module.js';
import { IntegrationsModule } from '../integrations/integrations.module.js';
import { NlpPipelinesModule } from '../nlp-pipelines/nlp-pipelines.module.js';
import { PlatformModule } from '../platform/platform.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import {
  AllDeliveriesController,
  DeliveriesController,
  OrganizationDeliveriesController,
} from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { DestinationsController } from './destinations.controller.js';
import { DestinationsService } from './destinations.service.js';
import { DryRunController, OrganizationDryRunController } from './dry-run.controller.js';
import { DryRunService } from './dry-run.service.js';
import { ExampleDeliveryController } from './example-delivery.controller.js';
import { ExampleDeliveryService } from './example-delivery.service.js';
import { IntegrationErrorsController } from './integration-errors.controller.js';
import { IntegrationErrorsService } from './integration-errors.service.js';
import { IntegrationLimits } from './integration-limits.js';
import { IntegrationsController } from './integrations.controller.js';
import { IntegrationsService } from './integrations.service.js';
import { OperationsController } from './operations.controller.js';
import { ON_DEMAND_MAX_WAIT_MS, OperationsService } from './operations.service.js';
import {
  AllRedeliveriesController,
  IntegrationRedeliveriesController,
  OrganizationRedeliveriesController,
} from './redeliveries.controller.js';
import { RedeliveriesService } from './redeliveries.service.js';
import { SessionDeliveriesController } from './session-deliveries.controller.js';
import { SessionDeliveriesService } from './session-deliveries.service.js';
import { SessionSearchController } from './session-search.controller.js';
import { SessionSearchService } from './session-search.service.js';
import { SigningSecretsController } from './signing-secrets.controller.js';
import { SigningSecretsService } from './signing-secrets.service.js';
import { TenantOwnership } from './tenant-ownership.js';
import { TenantsController } from './tenants.controller.js';
import { TenantsService } from './tenants.service.js';
import { WebhookUrlRule } from './webhook-url.rule.js';

/** The REST API. */
@Module({
  imports: [
    AuthModule,
    CompletionsModule,
    DeliveriesModule,
    IntegrationsModule,
    NlpPipelinesModule,
    PlatformModule,
    SessionsModule,
    WebhooksModule,
  ],
  controllers: [
    // before the integrations: `integrations/errors/…` is a path of its own
    IntegrationErrorsController,
    IntegrationsController,
    SigningSecretsController,
    ExampleDeliveryController,
    DeliveriesController,
    OrganizationDeliveriesController,
    AllDeliveriesController,
    IntegrationRedeliveriesController,
    OrganizationRedeliveriesController,
    AllRedeliveriesController,
    SessionDeliveriesController,
    SessionSearchController,
    TenantsController,
    DestinationsController,
    DryRunController,
    OrganizationDryRunController,
    OperationsController,
  ],
  providers: [
    DeliveriesService,
    DestinationsService,
    DryRunService,
    ExampleDeliveryService,
    IntegrationErrorsService,
    IntegrationLimits,
    IntegrationsService,
    OperationsService,
    RedeliveriesService,
    { provide: ON_DEMAND_MAX_WAIT_MS, useValue: 20_000 },
    SessionDeliveriesService,
    SessionSearchService,
    SigningSecretsService,
    TenantOwnership,
    TenantsService,
    WebhookUrlRule,
  ],
})
export class ApiModule {}
