import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { ApiInvalid } from '../http/error-body.js';
import { OrganizationParams } from './params.dto.js';
import { FoundSessionResource, SessionSearchQuery } from './session-search.dto.js';
import { SessionSearchService } from './session-search.service.js';

/** The search for a session. */
@ApiTags('Deliveries')
@OrganizationAdministration()
@Controller('organizations/:orgId/sessions')
export class SessionSearchController {
  constructor(private readonly sessions: SessionSearchService) {}

  @Get()
  @ApiOperation({
    summary: "Find the organization's sessions by the beginning of their ids",
    description: 'The first ten by id, of those that have ended and are recorded here; hbf-core is not asked.',
  })
  @ApiResponse({ status: 200, description: 'At most ten', type: [FoundSessionResource] })
  @ApiInvalid()
  list(
    @Param() { orgId }: OrganizationParams,
    @Query() { prefix }: SessionSearchQuery,
  ): Promise<FoundSessionResource[]> {
    return this.sessions.byPrefix(orgId, prefix);
  }
}
