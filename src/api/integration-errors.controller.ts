import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { IntegrationErrorResource } from './integration-errors.dto.js';
import { IntegrationErrorsService } from './integration-errors.service.js';
import { IntegrationErrorsParams } from './params.dto.js';

/** The published API for failed attempts. */
@ApiTags('HBF-Sessions-Errors')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/errors')
export class IntegrationErrorsController {
  constructor(private readonly errors: IntegrationErrorsService) {}

  @Get(':integrationId')
  @ApiOperation({
    operationId: 'SessionsErrorController_listErrors',
    summary: 'List the failed attempts of an integration, the newest 1,000 first',
    description: 'Kept for DELIVERY_RETENTION_IN_DAYS. The deliveries of the integration tell more.',
  })
  @ApiResponse({ status: 200, description: 'Newest first', type: [IntegrationErrorResource] })
  @ApiInvalid()
  @ApiError(404, 'This organization has no such integration')
  list(@Param() params: IntegrationErrorsParams): Promise<IntegrationErrorResource[]> {
    return this.errors.list(params);
  }
}
