import { Injectable } from '@nestjs/common';
import { IntegrationErrorRepository } from '../completions/integration-error.repository.js';
import type { IntegrationError } from '../completions/integration-error.schema.js';
import type { IntegrationErrorResource } from './integration-errors.dto.js';
import { IntegrationsService } from './integrations.service.js';
import type { IntegrationErrorsParams } from './params.dto.js';

/** The failed attempts of an integration. */
@Injectable()
export class IntegrationErrorsService {
  constructor(
    private readonly integrations: IntegrationsService,
    private readonly errors: IntegrationErrorRepository,
  ) {}

  /** @throws NotFoundException when the organization has no such integration */
  async list({ orgId, integrationId }: IntegrationErrorsParams): Promise<IntegrationErrorResource[]> {
    await this.integrations.find(orgId, integrationId);
    return (await this.errors.newest(integrationId)).map(resourceOf);
  }
}

function resourceOf({ _id, organizationId: _organizationId, ...error }: IntegrationError): IntegrationErrorResource {
  return { id: _id, ...error };
}
