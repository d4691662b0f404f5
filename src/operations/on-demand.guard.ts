import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { ApiBearerAuth, ApiResponse } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Authenticator } from '../auth/authenticator.js';
import { bearerToken } from '../auth/caller.js';
import { RateLimitGuard } from '../auth/rate-limit.guard.js';
import { ErrorBody } from './error-body.js';

/**
 * Lets moderators of the platform pass: 401 without a valid bearer token, 403 for everyone else, 503 while hbf-core
 * cannot be asked.
 */
@Injectable()
export class ModeratorGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const token = bearerToken(http.getRequest<Request>().headers.authorization);
    const user = token === undefined ? null : await this.authenticator.userOf(token);
    if (!user) {
      http.getResponse<Response>().setHeader('www-authenticate', 'Bearer');
      throw new UnauthorizedException('a valid bearer token is required');
    }
    if (!user.isModerator) throw new ForbiddenException('only moderators of the platform may do this');
    return true;
  }
}

/**
 * For a controller that concerns the whole platform: limits the rate, lets only moderators pass, and documents the
 * refusals. The module that declares the controller imports AuthModule.
 */
export function Moderation(): ClassDecorator {
  return applyDecorators(
    UseGuards(RateLimitGuard, ModeratorGuard),
    ApiBearerAuth(),
    ApiResponse({ status: 400, description: 'Every violation, one a line', type: ErrorBody }),
    ApiResponse({ status: 401, description: 'No valid bearer token', type: ErrorBody }),
    ApiResponse({ status: 403, description: 'Not a moderator', type: ErrorBody }),
    ApiResponse({ status: 429, description: 'Too many requests; see Retry-After', type: ErrorBody }),
    ApiResponse({
      status: 500,
      description: 'An error of the service; the log knows it by requestId',
      type: ErrorBody,
    }),
    ApiResponse({ status: 503, description: 'hbf-core or the database cannot be asked', type: ErrorBody }),
  );
}
