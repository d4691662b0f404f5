import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { NotStored, OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiError, ApiInvalid } from '../http/error-body.js';
import { IntegrationParams } from './params.dto.js';
import { RotationDto, SigningSecretResource } from './signing-secrets.dto.js';
import { SigningSecretsService } from './signing-secrets.service.js';

const ApiMissing = () => ApiError(404, 'No such integration, or it has no secret');

/** The secrets by which receivers verify webhooks. */
@ApiTags('Signing secrets')
@OrganizationAdministration()
@Controller('organizations/:orgId/integrations/:integrationId/signing-secret')
export class SigningSecretsController {
  constructor(private readonly secrets: SigningSecretsService) {}

  @Get()
  @NotStored()
  @ApiOperation({
    summary: 'Read the secret that webhooks are signed with (Standard Webhooks)',
    description: 'With the replaced ones that still sign, until when.',
  })
  @ApiResponse({ status: 200, description: 'The secret', type: SigningSecretResource })
  @ApiInvalid()
  @ApiMissing()
  get(@Param() params: IntegrationParams): Promise<SigningSecretResource> {
    return this.secrets.get(params);
  }

  @Post('rotate')
  @NotStored()
  @ApiOperation({
    summary: 'Make a new secret; the ones before it sign too for the time that is given',
    description:
      'Receivers verify with the one or the other meanwhile. Without a body the replaced ones sign for a day.',
  })
  @ApiBody({ type: RotationDto, required: false })
  @ApiResponse({ status: 201, description: 'The new secret', type: SigningSecretResource })
  @ApiInvalid()
  @ApiMissing()
  @ApiError(409, 'Four secrets sign already, or the integration was changed at the same moment')
  rotate(@Param() params: IntegrationParams, @Body() dto: RotationDto): Promise<SigningSecretResource> {
    return this.secrets.rotate(params, dto);
  }
}
