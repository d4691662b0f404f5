import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError } from '../http/error-body.js';
import { SessionParams } from './params.dto.js';
import { SessionDeliveriesResource } from './session-deliveries.dto.js';
import { SessionDeliveriesService } from './session-deliveries.service.js';

/** What happened to a session, in one call. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/sessions')
export class SessionDeliveriesController {
  constructor(private readonly deliveries: SessionDeliveriesService) {}

  @Get(':sessionId/deliveries')
  @ApiOperation({
    summary: 'Why a session ended, when, and the state of each of its deliveries; when it ends while it is open',
    description:
      'hbf-core is asked for the session. While it does not answer, or its answer may mislead, what is recorded is ' +
      'answered without outlook; where nothing is recorded, the answer is 503.',
  })
  @ApiResponse({ status: 200, description: 'What is recorded, and the outlook', type: SessionDeliveriesResource })
  @ApiError(404, 'Neither this service nor hbf-core knows such a session of this organization')
  get(@Param() params: SessionParams): Promise<SessionDeliveriesResource> {
    return this.deliveries.get(params);
  }
}
