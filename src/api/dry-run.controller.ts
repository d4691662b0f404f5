import { Controller, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Moderation, OrganizationAdministration } from '../auth/restricted.decorator.js';
import { CheckPreviewResource } from './dry-run.dto.js';
import { DryRunService } from './dry-run.service.js';
import { OrganizationParams } from './params.dto.js';

/** Tells what a session check of all tenants would do now. */
@ApiTags('Operations')
@Moderation()
@Controller('operations/dry-run')
export class DryRunController {
  constructor(private readonly dryRuns: DryRunService) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: 'Tell which sessions of all tenants a session check would complete now, which are held and why',
    description: 'Changes nothing. Asks hbf-core for the sessions of each tenant, and answers when all are read.',
  })
  @ApiResponse({ status: 200, description: 'What a check would do', type: CheckPreviewResource })
  run(): Promise<CheckPreviewResource> {
    return this.dryRuns.run();
  }
}

/** Tells what a session check would do now with the sessions of one organization. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/dry-run')
export class OrganizationDryRunController {
  constructor(private readonly dryRuns: DryRunService) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @ApiOperation({
    summary: "Tell which of the organization's sessions a session check would complete now, which are held and why",
    description:
      "Changes nothing. Asks hbf-core for the sessions of each of the organization's tenants, and answers when all are read.",
  })
  @ApiResponse({ status: 200, description: 'What a check would do', type: CheckPreviewResource })
  run(@Param() { orgId }: OrganizationParams): Promise<CheckPreviewResource> {
    return this.dryRuns.run(orgId);
  }
}
