import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Patch, Post, Put, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  type ApiHeaderOptions,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { CallerName } from '../auth/organization-admin.guard.js';
import { NotStored, OrganizationAdministration } from '../auth/restricted.decorator.js';
import { PATCH_TYPES } from '../http/body-types.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { entityTag, IfMatch } from './if-match.decorator.js';
import { IntegrationDto, IntegrationPatchDto, IntegrationResource } from './integrations.dto.js';
import { givenSettingsOf, IntegrationsService, settingsOf, type VersionedResource } from './integrations.service.js';
import { IntegrationParams, OrganizationParams } from './params.dto.js';
import { ENTITY_TAG } from './schema-rules.js';

const ETAG = {
  headers: { ETag: { description: 'For If-Match of a later change', schema: { type: 'string' } } },
} as const;
const IF_MATCH: ApiHeaderOptions = {
  name: 'If-Match',
  required: false,
  description: 'An ETag, quotes included: change only that version; * or nothing: any',
  schema: { type: 'string', anyOf: [{ enum: ['*'] }, { pattern: ENTITY_TAG }] },
};
const TENANTS = 'tenants that are added and are not of this organization, or a URL whose host or port is not allowed';
const ApiMissing = () => ApiError(404, 'This organization has no such integration');
const ApiChanged = () => ApiError(412, 'Changed meanwhile: If-Match names another version');
const ApiLimit = () =>
  ApiError(409, 'It would exceed the limit of enabled integrations that the message names, or others keep changing it');
const ApiTooLarge = () => ApiError(413, 'The body is larger than 256 KB');

/** The published API for webhook integrations; operation ids and tags are those that generated clients know. */
@ApiTags('HBF-Sessions')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations')
export class IntegrationsController {
  constructor(private readonly integrations: IntegrationsService) {}

  @Post()
  @NotStored()
  @ApiOperation({
    operationId: 'SessionsController_createIntegration',
    summary: 'Create an integration',
    description:
      'The answer holds its signing secret. Its sessions are posted from the next session check on, if it is enabled.',
  })
  @ApiBody({ type: IntegrationDto })
  @ApiResponse({ status: 201, description: 'Created', type: IntegrationResource, ...ETAG })
  @ApiInvalid(TENANTS)
  @ApiLimit()
  @ApiTooLarge()
  async create(
    @Param() { orgId }: OrganizationParams,
    @Body() dto: IntegrationDto,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.create(orgId, settingsOf(dto), by));
  }

  @Get()
  @NotStored()
  @ApiOperation({
    operationId: 'SessionsController_listIntegrations',
    summary: 'List the integrations, oldest first',
    description: 'Those of this organization, the disabled ones included.',
  })
  @ApiResponse({ status: 200, description: 'All of them', type: [IntegrationResource] })
  list(@Param() { orgId }: OrganizationParams): Promise<IntegrationResource[]> {
    return this.integrations.list(orgId);
  }

  @Get(':integrationId')
  @NotStored()
  @ApiOperation({
    operationId: 'SessionsController_getIntegration',
    summary: 'Read an integration',
    description: 'With its header values in clear. The header ETag names the version.',
  })
  @ApiResponse({ status: 200, description: 'The integration', type: IntegrationResource, ...ETAG })
  @ApiInvalid()
  @ApiMissing()
  async get(
    @Param() params: IntegrationParams,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.get(params));
  }

  @Put(':integrationId')
  @NotStored()
  @ApiOperation({
    operationId: 'SessionsController_replaceIntegration',
    summary: 'Replace an integration',
    description:
      'What is left out and not required is reset. What GET answers may be sent back: members that nobody writes are ignored. Disabling it cancels its pending deliveries.',
  })
  @ApiHeader(IF_MATCH)
  @ApiBody({ type: IntegrationDto })
  @ApiResponse({ status: 200, description: 'Replaced', type: IntegrationResource, ...ETAG })
  @ApiInvalid(TENANTS)
  @ApiMissing()
  @ApiLimit()
  @ApiChanged()
  @ApiTooLarge()
  async replace(
    @Param() params: IntegrationParams,
    @Body() dto: IntegrationDto,
    @CallerName() by: string,
    @IfMatch() version: number | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.change(params, settingsOf(dto), by, version));
  }

  @Patch(':integrationId')
  @NotStored()
  @ApiOperation({
    operationId: 'SessionsController_changeIntegration',
    summary: 'Change some settings',
    description: 'A merge patch (RFC 7396): what is not given stays. Disabling it cancels its pending deliveries.',
  })
  @ApiHeader(IF_MATCH)
  @ApiConsumes(...PATCH_TYPES)
  @ApiBody({ type: IntegrationPatchDto, examples: { enable: { value: { enabled: true } } } })
  @ApiResponse({ status: 200, description: 'Changed', type: IntegrationResource, ...ETAG })
  @ApiInvalid(TENANTS)
  @ApiMissing()
  @ApiLimit()
  @ApiChanged()
  @ApiTooLarge()
  async change(
    @Param() params: IntegrationParams,
    @Body() dto: IntegrationPatchDto,
    @CallerName() by: string,
    @IfMatch() version: number | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.change(params, givenSettingsOf(dto), by, version));
  }

  @Delete(':integrationId')
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({
    operationId: 'SessionsController_deleteIntegration',
    summary: 'Delete an integration',
    description: 'Its pending deliveries are cancelled. It cannot be brought back.',
  })
  @ApiHeader(IF_MATCH)
  @ApiResponse({ status: 204, description: 'Deleted; its pending deliveries are cancelled' })
  @ApiInvalid()
  @ApiMissing()
  @ApiChanged()
  async delete(@Param() params: IntegrationParams, @IfMatch() version: number | undefined): Promise<void> {
    await this.integrations.delete(params, version);
  }
}

function tagged(response: Response, { resource, version }: VersionedResource): IntegrationResource {
  response.setHeader('etag', entityTag(version));
  return resource;
}
