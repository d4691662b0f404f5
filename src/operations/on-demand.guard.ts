import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Restricted } from '../auth/administration.decorator.js';
import { Authenticator } from '../auth/authenticator.js';
import { bearerToken } from '../auth/caller.js';
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

/** For a controller that concerns the whole platform: only moderators pass. */
export function Moderation(): ClassDecorator {
  return applyDecorators(
    Restricted(ModeratorGuard, 'Not a moderator'),
    ApiResponse({ status: 400, description: 'Every violation, one a line', type: ErrorBody }),
  );
}
