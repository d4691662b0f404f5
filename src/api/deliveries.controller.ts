import { Controller, Get, HttpCode, HttpStatus, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CallerName } from '../auth/organization-admin.guard.js';
import { Moderation, OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { DeliveriesQuery, DeliveryPage, DeliveryResource, IntegrationDeliveriesQuery } from './deliveries.dto.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryParams, IntegrationParams, OrganizationParams } from './params.dto.js';

const ApiMissing = () => ApiError(404, 'This organization has no such integration, or it has no such delivery');
const ApiConflict = () => ApiError(409, 'The integration is disabled, or the delivery is being attempted');

const LISTS =
  'Page by page: nextCursor of a page is the cursor of the next one. A state other than delivered, an integrationId or a sessionId is required; integrationId goes neither with tenantId nor with a channel other than webhook.';
const UNSERVED = 'what no index serves together';

/** The deliveries of an integration, and the retry of one. */
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
  list(@Param() params: IntegrationParams, @Query() query: IntegrationDeliveriesQuery): Promise<DeliveryPage> {
    return this.deliveries.listOfIntegration(params, query);
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
  retry(@Param() params: DeliveryParams, @CallerName() by: string): Promise<DeliveryResource> {
    return this.deliveries.retry(params, by);
  }
}

/** The deliveries of an organization, over all channels. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/deliveries')
export class OrganizationDeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @ApiOperation({
    summary: "List the organization's deliveries over all channels, newest first",
    description: LISTS,
  })
  @ApiResponse({ status: 200, description: 'One page', type: DeliveryPage })
  @ApiInvalid(UNSERVED)
  list(@Param() { orgId }: OrganizationParams, @Query() query: DeliveriesQuery): Promise<DeliveryPage> {
    return this.deliveries.list(orgId, query);
  }
}

/** The deliveries of all organizations. */
@ApiTags('Operations')
@Moderation()
@Controller('operations/deliveries')
export class AllDeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @ApiOperation({ summary: 'List the deliveries of all organizations, newest first', description: LISTS })
  @ApiResponse({ status: 200, description: 'One page', type: DeliveryPage })
  @ApiInvalid(UNSERVED)
  list(@Query() query: DeliveriesQuery): Promise<DeliveryPage> {
    return this.deliveries.list(undefined, query);
  }
}
