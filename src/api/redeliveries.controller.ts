import { Body, Controller, Get, HttpStatus, Param, Post, Res } from '@nestjs/common';
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

const ApiBegin = () =>
  ApiOperation({
    summary: 'Send again what is dead, cancelled or waits, in the background',
    description:
      'By ids, or by the time at which sessions were found: then since is required. At most fifty a second, under the same webhook-id; deliveries of disabled integrations are left out. With dryRun nothing is sent.',
  });
const ApiAccepted = () => ApiResponse({ status: 202, description: 'It has begun', type: RedeliveryAccepted });
const ApiDryRun = () => ApiResponse({ status: 200, description: 'With dryRun: how many there are', type: RedeliveryCount }); // prettier-ignore
const ApiDisabled = () => ApiError(409, 'The integration that is named is disabled, or three redeliveries are running');
const ApiNoIntegration = () => ApiError(404, 'There is no such integration');
const ApiTooLarge = () => ApiError(413, 'The body is larger than 256 KB');
const ApiList = () =>
  ApiOperation({
    summary: 'List the newest hundred redeliveries, the newest first',
    description: 'Each with how many of its deliveries are pending, delivered, dead and cancelled now.',
  });
const ApiAll = () => ApiResponse({ status: 200, description: 'The redeliveries', type: [RedeliveryResource] });
const ApiGet = () =>
  ApiOperation({
    summary: 'Read a redelivery, and how far it has come',
    description: 'How many of its deliveries are pending, delivered, dead and cancelled now.',
  });
const ApiOne = () => ApiResponse({ status: 200, description: 'The redelivery', type: RedeliveryResource });
const ApiMissing = () => ApiError(404, 'There is no such redelivery');

const RULES =
  'neither ids nor since, ids beside a time or a filter, ids that there are not, an until that is not later than since, an integrationId together with tenantId or another channel than webhook';

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
  @ApiAccepted()
  @ApiDryRun()
  @ApiInvalid(RULES)
  @ApiNoIntegration()
  @ApiDisabled()
  @ApiTooLarge()
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
  @ApiAll()
  @ApiInvalid()
  @ApiNoIntegration()
  list(@Param() { orgId, integrationId }: IntegrationParams): Promise<RedeliveryResource[]> {
    return this.service.list({ organizationId: orgId, integrationId });
  }

  @Get(':redeliveryId')
  @ApiGet()
  @ApiOne()
  @ApiInvalid()
  @ApiMissing()
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
  @ApiAccepted()
  @ApiDryRun()
  @ApiInvalid(RULES)
  @ApiNoIntegration()
  @ApiDisabled()
  @ApiTooLarge()
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
  @ApiAll()
  list(@Param() { orgId }: OrganizationParams): Promise<RedeliveryResource[]> {
    return this.service.list({ organizationId: orgId });
  }

  @Get(':redeliveryId')
  @ApiGet()
  @ApiOne()
  @ApiMissing()
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
  @ApiAccepted()
  @ApiDryRun()
  @ApiInvalid(RULES)
  @ApiNoIntegration()
  @ApiDisabled()
  @ApiTooLarge()
  begin(
    @Body() dto: RedeliveryDto,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RedeliveryAccepted | RedeliveryCount> {
    return answer(this.service, {}, dto, by, response);
  }

  @Get()
  @ApiList()
  @ApiAll()
  list(): Promise<RedeliveryResource[]> {
    return this.service.list({});
  }

  @Get(':redeliveryId')
  @ApiGet()
  @ApiOne()
  @ApiMissing()
  get(@Param() { redeliveryId }: RedeliveryParams): Promise<RedeliveryResource> {
    return this.service.get({}, redeliveryId);
  }
}
