import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { IntegrationRepository } from './integration.repository.js';
import { INTEGRATION, integrationSchema } from './integration.schema.js';
import { Resealing } from './resealing.js';

/** The integrations as stored, and the rotation of the key that seals their secrets. Their REST API is in api/. */
@Module({
  imports: [MongooseModule.forFeature([{ name: INTEGRATION, schema: integrationSchema }])],
  providers: [IntegrationRepository, Resealing],
  exports: [IntegrationRepository],
})
export class IntegrationsModule {}
