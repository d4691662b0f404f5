import { type ExecutionContext, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import type { Authenticator, Refusal } from './authenticator.js';
import { bearerToken } from './caller.js';

const REFUSALS: Readonly<Record<Refusal, string>> = {
  unknown: 'hbf-core does not know this bearer token',
  expired: 'the bearer token has expired; log in again for a new one',
};

/**
 * The user whose bearer token a request carries.
 *
 * @throws UnauthorizedException without a valid token; `WWW-Authenticate` as in RFC 6750, 3
 * @throws ServiceUnavailableException when hbf-core cannot be asked
 */
export async function requireUser(context: ExecutionContext, authenticator: Authenticator): Promise<CurrentUser> {
  const http = context.switchToHttp();
  const response = http.getResponse<Response>();
  const token = bearerToken(http.getRequest<Request>().headers.authorization);
  if (token === undefined) {
    response.setHeader('www-authenticate', 'Bearer');
    throw new UnauthorizedException('a bearer token is required: type Authorization: Bearer <token>');
  }
  const user = await authenticator.userOf(token);
  if (typeof user !== 'string') return user;
  const message = REFUSALS[user];
  response.setHeader('www-authenticate', `Bearer error="invalid_token", error_description="${message}"`);
  throw new UnauthorizedException(message);
}
