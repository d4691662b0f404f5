import { applyDecorators, type CanActivate, Header, type Type, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { ApiError } from '../http/error-body.js';
import { ModeratorGuard } from './moderator.guard.js';
import { OrganizationAdminGuard } from './organization-admin.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** For a controller under `/organizations/:orgId`: only the organization's administrators pass. */
export const OrganizationAdministration = (): ClassDecorator =>
  restricted(OrganizationAdminGuard, 'Not an administrator of this organization');

/** For a controller that concerns the whole platform: only moderators pass. */
export const Moderation = (): ClassDecorator => restricted(ModeratorGuard, 'Not a moderator');

/** Answers hold secrets: no cache on the way may keep them. */
export const NotStored = (): MethodDecorator => Header('cache-control', 'no-store');

/**
 * Limits the rate of a controller, lets only those pass whom the guard accepts, and documents the refusals. The module
 * that declares the controller imports AuthModule.
 *
 * @param refusal what a 403 means there
 */
function restricted(guard: Type<CanActivate>, refusal: string): ClassDecorator {
  return applyDecorators(
    UseGuards(RateLimitGuard, guard),
    ApiBearerAuth(),
    ApiError(401, 'No valid bearer token: none, an unknown or an expired one', {
      'WWW-Authenticate': 'As in RFC 6750',
    }),
    ApiError(403, refusal),
    ApiError(429, 'Too many requests', { 'Retry-After': 'Seconds until the next one is let through' }),
    ApiError(500, 'An error of the service; the log knows it by requestId'),
    ApiError(503, 'hbf-core or the database cannot be asked'),
  );
}
