import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
} from '@nestjs/common';
import type { Request } from 'express';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import { Authenticator } from './authenticator.js';
import { mayAdminister, nameOf } from './caller.js';
import { requireUser } from './require-user.js';

/** A request that a guard has let pass, and who sent it. */
export type AuthenticatedRequest = Request & { caller?: CurrentUser };

/**
 * Lets moderators and the administrators of the organization in `:orgId` pass: 401 without a valid bearer token, 403
 * without the role, 503 while hbf-core cannot be asked.
 */
@Injectable()
export class OrganizationAdminGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const user = await requireUser(context, this.authenticator);
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (!mayAdminister(user, request.params['orgId'] as string)) {
      throw new ForbiddenException('only administrators of this organization may do this');
    }
    request.caller = user;
    return true;
  }
}

/** The name by which the caller signs a change; only behind the guard. */
export const CallerName = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  nameOf(context.switchToHttp().getRequest<AuthenticatedRequest>().caller!),
);
