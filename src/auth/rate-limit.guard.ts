import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerLimitDetail, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { Request, Response } from 'express';
import { createHash } from 'node:crypto';
import type { Config } from '../config/config.js';
import { bearerToken } from './caller.js';

const MINUTE_MS = 60_000;

/**
 * So many requests a minute for each token, and for each address as well: the first keeps a runaway script in bounds,
 * the second a caller that tries token after token. Counted over all routes together, in this process.
 */
export function rateLimits(config: Config): ThrottlerModuleOptions {
  const limit = config.apiRateLimitPerMin;
  return {
    setHeaders: false,
    errorMessage: 'too many requests; try again after the seconds that Retry-After tells',
    generateKey: (_, tracker, name) => `${name} ${tracker}`,
    throttlers: [
      {
        name: 'token',
        ttl: MINUTE_MS,
        limit,
        skipIf: (context) => tokenOf(context.switchToHttp().getRequest<Request>()) === undefined,
        getTracker: (request) =>
          createHash('sha256')
            .update(tokenOf(request as Request)!)
            .digest('base64'),
      },
      { name: 'address', ttl: MINUTE_MS, limit },
    ],
  };
}

function tokenOf(request: Request): string | undefined {
  return bearerToken(request.headers.authorization);
}

/** Answers 429 with Retry-After, in seconds. */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override async throwThrottlingException(
    context: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    const response = context.switchToHttp().getResponse<Response>();
    response.setHeader('retry-after', String(detail.timeToBlockExpire));
    await super.throwThrottlingException(context, detail);
  }
}
