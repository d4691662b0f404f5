import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { type AuthenticatedRequest } from './organization-admin.guard.js';
import { requireUser } from './require-user.js';

/**
 * Lets moderators of the platform pass: 401 without a valid bearer token, 403 for everyone else, 503 while hbf-core
 * cannot be asked.
 */
@Injectable()
export class ModeratorGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const user = await requireUser(context, this.authenticator);
    context.switchToHttp().getRequest<AuthenticatedRequest>().caller = user;
    if (!user.isModerator) throw new ForbiddenException('only moderators of the platform may do this');
    return true;
  }
}
