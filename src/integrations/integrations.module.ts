import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { IntegrationChanges } from './integration-changes.js';
import { IntegrationCounts } from './integration-counts.js';
import { IntegrationRepository } from './integration.repository.js';
import { INTEGRATION, integrationSchema } from './integration.schema.js';
import { INTEGRATION_VERSION, integrationVersionSchema } from './integration-version.schema.js';
import { PresentIntegrations } from './present-integrations.js';
import { Resealing } from './resealing.js';
import { TenantIntegrations } from './tenant-integrations.js';

/** The integrations as stored, and the rotation of the key that seals their secrets. Their REST API is in api/. */
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: INTEGRATION, schema: integrationSchema },
      { name: INTEGRATION_VERSION, schema: integrationVersionSchema },
    ]),
  ],
  providers: [
    IntegrationChanges,
    IntegrationCounts,
    IntegrationRepository,
    PresentIntegrations,
    Resealing,
    TenantIntegrations,
  ],
  exports: [IntegrationCounts, IntegrationRepository, PresentIntegrations, TenantIntegrations],
})
export class IntegrationsModule {}
