import { Controller, Get, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import { NotStored, OrganizationAdministration } from '../auth/administration.decorator.js';
import { ErrorBody } from '../operations/error-body.js';
import { IntegrationId } from './integration-id.decorator.js';
import { SigningSecretResource } from './signing-secret.dto.js';
import { SigningSecretsService } from './signing-secrets.service.js';

const MISSING = { status: 404, description: 'No such integration, or it has no secret', type: ErrorBody } as const;
const INVALID = { status: 400, description: 'The id is not a number', type: ErrorBody } as const;

/** How receivers can tell that a webhook is ours. */
@ApiTags('Signing secrets')
@ApiParam({ name: 'orgId', schema: { type: 'string' }, example: '345345sf234' })
@ApiParam({ name: 'integrationId', schema: { type: 'string' }, example: '11' })
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId/signing-secret')
export class SigningSecretsController {
  constructor(private readonly secrets: SigningSecretsService) {}

  @Get()
  @NotStored()
  @ApiOperation({ summary: 'Read the secret that webhooks are signed with (Standard Webhooks)' })
  @ApiResponse({ status: 200, description: 'The secret', type: SigningSecretResource })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  get(@Param('orgId') orgId: string, @IntegrationId() id: number): Promise<SigningSecretResource> {
    return this.secrets.get(orgId, id);
  }

  @Post('rotate')
  @NotStored()
  @ApiOperation({ summary: 'Make a new secret; the one before it signs too for 24 hours' })
  @ApiResponse({ status: 201, description: 'The new secret', type: SigningSecretResource })
  @ApiResponse(INVALID)
  @ApiResponse(MISSING)
  @ApiResponse({ status: 409, description: 'The integration was changed at the same moment', type: ErrorBody })
  rotate(@Param('orgId') orgId: string, @IntegrationId() id: number): Promise<SigningSecretResource> {
    return this.secrets.rotate(orgId, id);
  }
}
