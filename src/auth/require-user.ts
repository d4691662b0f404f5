import { type ExecutionContext, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import type { Authenticator } from './authenticator.js';
import { bearerToken } from './caller.js';

/**
 * The user whose bearer token a request carries.
 *
 * @throws UnauthorizedException without a valid token
 * @throws ServiceUnavailableException when hbf-core cannot be asked
 */
export async function requireUser(context: ExecutionContext, authenticator: Authenticator): Promise<CurrentUser> {
  const http = context.switchToHttp();
  const token = bearerToken(http.getRequest<Request>().headers.authorization);
  const user = token === undefined ? null : await authenticator.userOf(token);
  if (user) return user;
  http.getResponse<Response>().setHeader('www-authenticate', 'Bearer');
  throw new UnauthorizedException('a valid bearer token is required');
}
