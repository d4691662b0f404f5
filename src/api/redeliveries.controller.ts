import { applyDecorators, Body, Controller, Get, HttpStatus, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CallerName } from '../auth/organization-admin.guard.js';
import { Moderation, OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import {
  IntegrationParams,
  IntegrationRedeliveryParams,
  OrganizationParams,
  OrganizationRedeliveryParams,
  RedeliveryParams,
} from './params.dto.js';
import {
  IntegrationRedeliveryDto,
  RedeliveryAccepted,
  RedeliveryCount,
  RedeliveryDto,
  RedeliveryResource,
} from './redeliveries.dto.js';
import { RedeliveriesService } from './redeliveries.service.js';
import type { RedeliveryScope } from '../completions/redelivery.repository.js';

const RULES =
  'neither ids nor since, ids beside a time or a filter, ids that there are not, an until that is not later than since, an integrationId together with tenantId or another channel than webhook';

/** Documents a POST that begins one. */
const ApiBegin = () =>
  applyDecorators(
    ApiOperation({
      summary: 'Send again what is dead, cancelled or waits, in the background',
      description:
        'By ids, or by the time at which sessions were found: then since is required. At most fifty a second, under the same webhook-id; deliveries of disabled integrations are left out. With dryRun nothing is sent.',
    }),
    ApiResponse({ status: 202, description: 'It has begun', type: RedeliveryAccepted }),
    ApiResponse({ status: 200, description: 'With dryRun: how many there are', type: RedeliveryCount }),
    ApiInvalid(RULES),
    ApiNoIntegration(),
    ApiError(409, 'The integration that is named is disabled, or three redeliveries are running'),
    ApiError(413, 'The body is larger than 256 KB'),
  );

const ApiList = () =>
  applyDecorators(
    ApiOperation({
      summary: 'List the newest hundred redeliveries, the newest first',
      description: 'Each with how many of its deliveries are pending, delivered, dead and cancelled now.',
    }),
    ApiResponse({ status: 200, description: 'The redeliveries', type: [RedeliveryResource] }),
  );

const ApiGet = () =>
  applyDecorators(
    ApiOperation({
      summary: 'Read a redelivery, and how far it has come',
      description: 'How many of its deliveries are pending, delivered, dead and cancelled now.',
    }),
    ApiResponse({ status: 200, description: 'The redelivery', type: RedeliveryResource }),
    ApiError(404, 'There is no such redelivery'),
  );

const ApiNoIntegration = () => ApiError(404, 'There is no such integration');

/** Counts with `dryRun`, else begins. */
async function answer(
  service: RedeliveriesService,
  scope: RedeliveryScope,
  dto: RedeliveryDto,
  by: string,
  response: Response,
): Promise<RedeliveryAccepted | RedeliveryCount> {
  if (dto.dryRun) {
    response.status(HttpStatus.OK);
    return service.count(scope, dto);
  }
  response.status(HttpStatus.ACCEPTED);
  return service.begin(scope, dto, by);
}

/** Redeliveries of one integration. */
@ApiTags('Redeliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId/redeliveries')
export class IntegrationRedeliveriesController {
  constructor(private readonly service: RedeliveriesService) {}

  @Post()
  @ApiBegin()
  begin(
    @Param() { orgId, integrationId }: IntegrationParams,
    @Body() dto: IntegrationRedeliveryDto,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RedeliveryAccepted | RedeliveryCount> {
    return answer(this.service, { organizationId: orgId, integrationId }, dto, by, response);
  }

  @Get()
  @ApiList()
  @ApiInvalid()
  @ApiNoIntegration()
  list(@Param() { orgId, integrationId }: IntegrationParams): Promise<RedeliveryResource[]> {
    return this.service.list({ organizationId: orgId, integrationId });
  }

  @Get(':redeliveryId')
  @ApiGet()
  @ApiInvalid()
  get(@Param() { orgId, integrationId, redeliveryId }: IntegrationRedeliveryParams): Promise<RedeliveryResource> {
    return this.service.get({ organizationId: orgId, integrationId }, redeliveryId);
  }
}

/** Redeliveries of an organization, over all channels. */
@ApiTags('Redeliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/redeliveries')
export class OrganizationRedeliveriesController {
  constructor(private readonly service: RedeliveriesService) {}

  @Post()
  @ApiBegin()
  begin(
    @Param() { orgId }: OrganizationParams,
    @Body() dto: RedeliveryDto,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RedeliveryAccepted | RedeliveryCount> {
    return answer(this.service, { organizationId: orgId }, dto, by, response);
  }

  @Get()
  @ApiList()
  list(@Param() { orgId }: OrganizationParams): Promise<RedeliveryResource[]> {
    return this.service.list({ organizationId: orgId });
  }

  @Get(':redeliveryId')
  @ApiGet()
  get(@Param() { orgId, redeliveryId }: OrganizationRedeliveryParams): Promise<RedeliveryResource> {
    return this.service.get({ organizationId: orgId }, redeliveryId);
  }
}

/** Redeliveries of all organizations. */
@ApiTags('Operations')
@Moderation()
@Controller('operations/redeliveries')
export class AllRedeliveriesController {
  constructor(private readonly service: RedeliveriesService) {}

  @Post()
  @ApiBegin()
  begin(
    @Body() dto: RedeliveryDto,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RedeliveryAccepted | RedeliveryCount> {
    return answer(this.service, {}, dto, by, response);
  }

  @Get()
  @ApiList()
  list(): Promise<RedeliveryResource[]> {
    return this.service.list({});
  }

  @Get(':redeliveryId')
  @ApiGet()
  get(@Param() { redeliveryId }: RedeliveryParams): Promise<RedeliveryResource> {
    return this.service.get({}, redeliveryId);
  }
}
