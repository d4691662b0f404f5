import { Body, Controller, Delete, Get, Headers, HttpCode, HttpStatus, Param, Post, Put, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { NotStored, OrganizationAdministration } from '../auth/administration.decorator.js';
import { CallerName } from '../auth/organization-admin.guard.js';
import { ErrorBody } from '../operations/error-body.js';
import { entityTag, wantedVersion } from './entity-tag.js';
import { IntegrationId } from './integration-id.decorator.js';
import { IntegrationDto, IntegrationResource } from './integration.dto.js';
import { IntegrationsService, type VersionedResource } from './integrations.service.js';

const ETAG = {
  headers: { ETag: { description: 'For If-Match of a later change', schema: { type: 'string' } } },
} as const;
const INVALID = { status: 400, description: 'Every violation, one a line', type: ErrorBody } as const;
const MISSING = { status: 404, description: 'This organization has no such integration', type: ErrorBody } as const;
const CHANGED = {
  status: 412,
  description: 'Changed meanwhile: If-Match names another version',
  type: ErrorBody,
} as const;
const TOO_LARGE = { status: 413, description: 'The body is larger than 256 KB', type: ErrorBody } as const;
const IF_MATCH = { name: 'If-Match', required: false, description: 'An ETag: change only that version' } as const;
const ORG = { name: 'orgId', schema: { type: 'string' }, example: '345345sf234' } as const;
const ID = { name: 'integrationId', schema: { type: 'string' }, example: '11' } as const;

/** The published API for webhook integrations; operation ids and tags are those that generated clients know. */
@ApiTags('HBF-Sessions')
@ApiParam(ORG)
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations')
export class IntegrationsController {
  constructor(private readonly integrations: IntegrationsService) {}

  @Post()
  @NotStored()
  @ApiOperation({ operationId: 'SessionsController_createIntegration', summary: 'Create an integration' })
  @ApiBody({ type: IntegrationDto })
  @ApiResponse({ status: 201, description: 'Created', type: IntegrationResource, ...ETAG })
  @ApiResponse(INVALID)
  @ApiResponse(TOO_LARGE)
  async create(
    @Param('orgId') orgId: string,
    @Body() body: unknown,
    @CallerName() by: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.create(orgId, body, by));
  }

  @Get()
  @NotStored()
  @ApiOperation({ operationId: 'SessionsController_listIntegrations', summary: 'List the integrations, oldest first' })
  @ApiResponse({ status: 200, description: 'All of them', type: [IntegrationResource] })
  list(@Param('orgId') orgId: string): Promise<IntegrationResource[]> {
    return this.integrations.list(orgId);
  }

  @Get(':integrationId')
  @NotStored()
  @ApiOperation({ operationId: 'SessionsController_getIntegration', summary: 'Read an integration' })
  @ApiParam(ID)
  @ApiResponse({ status: 200, description: 'The integration', type: IntegrationResource, ...ETAG })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  async get(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.get(orgId, id));
  }

  @Put(':integrationId')
  @NotStored()
  @ApiOperation({ operationId: 'SessionsController_replaceIntegration', summary: 'Replace an integration' })
  @ApiParam(ID)
  @ApiHeader(IF_MATCH)
  @ApiBody({ type: IntegrationDto })
  @ApiResponse({ status: 200, description: 'Replaced', type: IntegrationResource, ...ETAG })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  @ApiResponse(CHANGED)
  @ApiResponse(TOO_LARGE)
  async replace(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Body() body: unknown,
    @CallerName() by: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<IntegrationResource> {
    return tagged(response, await this.integrations.replace(orgId, id, body, by, wantedVersion(ifMatch)));
  }

  @Delete(':integrationId')
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({ operationId: 'SessionsController_deleteIntegration', summary: 'Delete an integration' })
  @ApiParam(ID)
  @ApiHeader(IF_MATCH)
  @ApiResponse({ status: 204, description: 'Deleted; what is still owed to it is not sent' })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  @ApiResponse(CHANGED)
  async delete(
    @Param('orgId') orgId: string,
    @IntegrationId() id: number,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.integrations.delete(orgId, id, wantedVersion(ifMatch));
  }
}

function tagged(response: Response, { resource, version }: VersionedResource): IntegrationResource {
  response.setHeader('etag', entityTag(version));
  return resource;
}
