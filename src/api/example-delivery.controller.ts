import { Controller, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { ExampleDeliveryResource } from './example-delivery.dto.js';
import { ExampleDeliveryService } from './example-delivery.service.js';
import { IntegrationParams } from './params.dto.js';

/** Tries an endpoint with an example session. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId/test')
export class ExampleDeliveryController {
  constructor(private readonly examples: ExampleDeliveryService) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Send a signed example session with webhook.test: true, now, and tell what the endpoint answers',
    description: 'One attempt, which is not recorded. A disabled integration may be tried before it is enabled.',
  })
  @ApiResponse({ status: 200, description: 'The outcome, delivered or not', type: ExampleDeliveryResource })
  @ApiInvalid()
  @ApiError(404, 'This organization has no such integration')
  send(@Param() params: IntegrationParams): Promise<ExampleDeliveryResource> {
    return this.examples.send(params);
  }
}
