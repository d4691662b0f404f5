import { Controller, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/administration.decorator.js';
import { ErrorBody } from '../operations/error-body.js';
import { ExampleDeliveryResource } from './example-delivery.dto.js';
import { ExampleDeliveryService } from './example-delivery.service.js';
import { IntegrationId } from './integration-id.decorator.js';

/** Trying an endpoint out. */
@ApiTags('Deliveries')
@ApiParam({ name: 'orgId', schema: { type: 'string' }, example: '345345sf234' })
@ApiParam({ name: 'integrationId', schema: { type: 'string' }, example: '11' })
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId/test')
export class ExampleDeliveryController {
  constructor(private readonly examples: ExampleDeliveryService) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @ApiOperation({ summary: 'Send a signed example session with "test": true, now, and tell what the endpoint answers' })
  @ApiResponse({ status: 200, description: 'What came of it, good or bad', type: ExampleDeliveryResource })
  @ApiResponse({ status: 400, description: 'The id is not a number', type: ErrorBody })
  @ApiResponse({ status: 404, description: 'This organization has no such integration', type: ErrorBody })
  send(@Param('orgId') orgId: string, @IntegrationId() id: number): Promise<ExampleDeliveryResource> {
    return this.examples.send(orgId, id);
  }
}
