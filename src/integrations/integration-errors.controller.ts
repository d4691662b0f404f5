import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/administration.decorator.js';
import { ErrorBody } from '../operations/error-body.js';
import { IntegrationId } from './integration-id.decorator.js';
import { IntegrationErrorResource } from './integration.dto.js';
import { IntegrationsService } from './integrations.service.js';

/** The published API for what went wrong. */
@ApiTags('HBF-Sessions-Errors')
@ApiParam({ name: 'orgId', schema: { type: 'string' }, example: '345345sf234' })
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/errors')
export class IntegrationErrorsController {
  constructor(private readonly integrations: IntegrationsService) {}

  @Get(':integrationId')
  @ApiOperation({
    operationId: 'SessionsErrorController_listErrors',
    summary: 'List the failed attempts of an integration, the newest 1,000 first',
  })
  @ApiParam({ name: 'integrationId', schema: { type: 'number' }, example: 11 })
  @ApiResponse({ status: 200, description: 'Newest first', type: [IntegrationErrorResource] })
  @ApiResponse({ status: 400, description: 'The id is not a number', type: ErrorBody })
  @ApiResponse({ status: 404, description: 'This organization has no such integration', type: ErrorBody })
  list(@Param('orgId') orgId: string, @IntegrationId() id: number): Promise<IntegrationErrorResource[]> {
    return this.integrations.listErrors(orgId, id);
  }
}
