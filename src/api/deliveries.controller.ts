import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { DeliveriesQuery, DeliveryPage, DeliveryResource, RecoverDto, RecoverResource } from './deliveries.dto.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryParams, IntegrationParams } from './params.dto.js';

const ApiMissing = () => ApiError(404, 'This organization has no such integration, or it has no such delivery');
const ApiConflict = () => ApiError(409, 'The integration is disabled, or the delivery is being attempted');

/** The deliveries of an integration, and their redelivery. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get('deliveries')
  @ApiOperation({
    summary: "List an integration's deliveries with their attempts, newest first",
    description: 'Page by page: nextCursor of a page is the cursor of the next one.',
  })
  @ApiResponse({ status: 200, description: 'One page', type: DeliveryPage })
  @ApiInvalid('an until that is not later than since')
  @ApiMissing()
  list(@Param() params: IntegrationParams, @Query() query: DeliveriesQuery): Promise<DeliveryPage> {
    return this.deliveries.list(params, query);
  }

  @Get('deliveries/:deliveryId')
  @ApiOperation({ summary: 'Read a delivery', description: 'With its newest attempts.' })
  @ApiResponse({ status: 200, description: 'The delivery', type: DeliveryResource })
  @ApiInvalid()
  @ApiMissing()
  get(@Param() params: DeliveryParams): Promise<DeliveryResource> {
    return this.deliveries.get(params);
  }

  @Post('deliveries/:deliveryId/retry')
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({
    summary: 'Send a delivery again, now, under the same webhook-id',
    description: 'Whatever its state. Its attempts are counted anew; the session is read from hbf-core again.',
  })
  @ApiResponse({ status: 202, description: 'It is due now', type: DeliveryResource })
  @ApiInvalid()
  @ApiMissing()
  @ApiConflict()
  retry(@Param() params: DeliveryParams): Promise<DeliveryResource> {
    return this.deliveries.retry(params);
  }

  @Post('recover')
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({
    summary: 'Send dead deliveries again, and those cancelled while the integration was disabled',
    description: 'At most 10,000 with one call, fifty a second; `more` tells whether others are left.',
  })
  @ApiResponse({ status: 202, description: 'How many', type: RecoverResource })
  @ApiInvalid('an until that is not later than since')
  @ApiMissing()
  @ApiConflict()
  recover(@Param() params: IntegrationParams, @Body() dto: RecoverDto): Promise<RecoverResource> {
    return this.deliveries.recover(params, dto);
  }
}
