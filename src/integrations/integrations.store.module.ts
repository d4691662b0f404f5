import { Module } from '@nestjs/common';
import { IntegrationRepository } from './integration.repository.js';

/** The integrations as stored, for those who deliver. The REST API over them is another module: it needs deliveries. */
@Module({ providers: [IntegrationRepository], exports: [IntegrationRepository] })
export class IntegrationsStoreModule {}
