import { applyDecorators, Header, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiResponse } from '@nestjs/swagger';
import { ErrorBody } from '../operations/error-body.js';
import { OrganizationAdminGuard } from './organization-admin.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/**
 * For a controller under `/organizations/:orgId`: limits the rate, lets only its administrators pass, and documents
 * the refusals. The module that declares the controller imports AuthModule.
 */
export function OrganizationAdministration(): ClassDecorator {
  return applyDecorators(
    UseGuards(RateLimitGuard, OrganizationAdminGuard),
    ApiBearerAuth(),
    ApiResponse({ status: 401, description: 'No valid bearer token', type: ErrorBody }),
    ApiResponse({ status: 403, description: 'Not an administrator of this organization', type: ErrorBody }),
    ApiResponse({ status: 429, description: 'Too many requests; see Retry-After', type: ErrorBody }),
    ApiResponse({
      status: 500,
      description: 'An error of the service; the log knows it by requestId',
      type: ErrorBody,
    }),
    ApiResponse({ status: 503, description: 'hbf-core or the database cannot be asked', type: ErrorBody }),
  );
}

/** Answers hold secrets: no cache on the way may keep them. */
export const NotStored = (): MethodDecorator => Header('cache-control', 'no-store');
