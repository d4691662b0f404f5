import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OrganizationAdministration } from '../auth/restricted.decorator.js';
import { OrganizationParams } from './params.dto.js';
import { TenantResource } from './tenants.dto.js';
import { TenantsService } from './tenants.service.js';

/** The tenants of an organization. */
@ApiTags('HBF-Sessions')
@OrganizationAdministration()
@Controller('organizations/:orgId/tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Get()
  @ApiOperation({
    summary: "List the organization's tenants and after how long without a message their sessions end",
    description: 'As hbf-core listed them within the last minute.',
  })
  @ApiResponse({ status: 200, description: 'The tenants', type: [TenantResource] })
  list(@Param() { orgId }: OrganizationParams): Promise<TenantResource[]> {
    return this.tenants.list(orgId);
  }
}
