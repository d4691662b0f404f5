import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/administration.decorator.js';
import { ErrorBody } from '../operations/error-body.js';
import { DeliveryAdminService } from './delivery-admin.service.js';
import {
  DeliveriesQuery,
  DELIVERY_STATES,
  DeliveryPage,
  DeliveryResource,
  RecoverDto,
  RecoverResource,
  SessionDeliveriesResource,
} from './delivery.dto.js';
import { IntegrationId } from './integration-id.decorator.js';

const ORG = { name: 'orgId', schema: { type: 'string' }, example: '345345sf234' } as const;
const ID = { name: 'integrationId', schema: { type: 'string' }, example: '11' } as const;
const DELIVERY = { name: 'deliveryId', schema: { type: 'string' }, description: "A delivery's id" } as const;
const INVALID = { status: 400, description: 'Every violation, one a line', type: ErrorBody } as const;
const MISSING = { status: 404, description: 'This organization has no such thing', type: ErrorBody } as const;
const CONFLICT = {
  status: 409,
  description: 'The integration is disabled, or it is just being sent',
  type: ErrorBody,
} as const;
const date = (name: string, description: string) =>
  ({ name, required: false, description, schema: { type: 'string', format: 'date-time' } }) as const;

/** What an integration was sent, and sending it again. */
@ApiTags('Deliveries')
@ApiParam(ORG)
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveryAdminService) {}

  @Get('deliveries')
  @ApiOperation({ summary: "List an integration's deliveries with their attempts, newest first" })
  @ApiParam(ID)
  @ApiQuery({ name: 'state', required: false, enum: DELIVERY_STATES })
  @ApiQuery({ name: 'sessionId', required: false, schema: { type: 'string' } })
  @ApiQuery(date('since', 'Of sessions found at or after this'))
  @ApiQuery(date('until', 'Of sessions found before this'))
  @ApiQuery({
    name: 'cursor',
    required: false,
    description: 'nextCursor of the page before',
    schema: { type: 'string' },
  })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } })
  @ApiResponse({ status: 200, description: 'One page', type: DeliveryPage })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  list(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Query() query: DeliveriesQuery,
  ): Promise<DeliveryPage> {
    return this.deliveries.list(orgId, id, query);
  }

  @Get('deliveries/:deliveryId')
  @ApiOperation({ summary: 'Read a delivery' })
  @ApiParam(ID)
  @ApiParam(DELIVERY)
  @ApiResponse({ status: 200, description: 'The delivery', type: DeliveryResource })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  get(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Param('deliveryId') deliveryId: string,
  ): Promise<DeliveryResource> {
    return this.deliveries.get(orgId, id, deliveryId);
  }

  @Post('deliveries/:deliveryId/retry')
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Send a delivery again, now, under the same webhook-id' })
  @ApiParam(ID)
  @ApiParam(DELIVERY)
  @ApiResponse({ status: 202, description: 'It is due now', type: DeliveryResource })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  @ApiResponse(CONFLICT)
  retry(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Param('deliveryId') deliveryId: string,
  ): Promise<DeliveryResource> {
    return this.deliveries.retry(orgId, id, deliveryId);
  }

  @Post('recover')
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Send again what died, or was dropped while the integration was disabled' })
  @ApiParam(ID)
  @ApiBody({ type: RecoverDto })
  @ApiResponse({ status: 202, description: 'How many', type: RecoverResource })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  @ApiResponse(CONFLICT)
  recover(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Body() body: RecoverDto,
  ): Promise<RecoverResource> {
    return this.deliveries.recover(orgId, id, body);
  }
}

/** One call that tells what happened to a session. */
@ApiTags('Deliveries')
@ApiParam(ORG)
@OrganizationAdministration()
@Controller('organizations/:orgId/sessions')
export class SessionDeliveriesController {
  constructor(private readonly deliveries: DeliveryAdminService) {}

  @Get(':sessionId/deliveries')
  @ApiOperation({ summary: 'Why a session was ended, when, and what came of every destination' })
  @ApiParam({ name: 'sessionId', schema: { type: 'string' } })
  @ApiResponse({ status: 200, description: 'What is known', type: SessionDeliveriesResource })
  @ApiResponse(MISSING)
  get(@Param('orgId') orgId: string, @Param('sessionId') sessionId: string): Promise<SessionDeliveriesResource> {
    return this.deliveries.ofSession(orgId, sessionId);
  }
}
