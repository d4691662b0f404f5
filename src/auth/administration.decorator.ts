import { applyDecorators, type CanActivate, Header, type Type, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiResponse } from '@nestjs/swagger';
import { ErrorBody } from '../operations/error-body.js';
import { OrganizationAdminGuard } from './organization-admin.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/**
 * For a controller that is not for everyone: limits the rate, lets only whom the guard lets pass, and documents the
 * refusals. The module that declares the controller imports AuthModule.
 *
 * @param refusal what a 403 means there
 */
export function Restricted(guard: Type<CanActivate>, refusal: string): ClassDecorator {
  return applyDecorators(
    UseGuards(RateLimitGuard, guard),
    ApiBearerAuth(),
    ApiResponse({ status: 401, description: 'No valid bearer token', type: ErrorBody }),
    ApiResponse({ status: 403, description: refusal, type: ErrorBody }),
    ApiResponse({ status: 429, description: 'Too many requests; see Retry-After', type: ErrorBody }),
    ApiResponse({
      status: 500,
      description: 'An error of the service; the log knows it by requestId',
      type: ErrorBody,
    }),
    ApiResponse({ status: 503, description: 'hbf-core or the database cannot be asked', type: ErrorBody }),
  );
}

/** For a controller under `/organizations/:orgId`: only the organization's administrators pass. */
export const OrganizationAdministration = (): ClassDecorator =>
  Restricted(OrganizationAdminGuard, 'Not an administrator of this organization');

/** Answers hold secrets: no cache on the way may keep them. */
export const NotStored = (): MethodDecorator => Header('cache-control', 'no-store');
