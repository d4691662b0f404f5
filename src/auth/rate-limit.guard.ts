import { type CanActivate, type ExecutionContext, HttpException, HttpStatus, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { addressKey } from './address-key.js';
import { Authenticator } from './authenticator.js';
import { type CallWindow, CallWindows } from './call-windows.js';
import { bearerToken, hashOf } from './caller.js';

/** The calls of this process, over all routes together; one for all guards. */
@Injectable()
export class CallCounts {
  readonly tokens = new CallWindows();
  readonly addresses = new CallWindows();
}

/**
 * So many calls a minute for each valid token, and as many for each address without a valid token: the first keeps a
 * runaway script in bounds, the second a caller that tries token after token. Behind an ingress all callers may share
 * an address, so a valid token costs its address nothing.
 *
 * hbf-core is asked about an unfamiliar token only while its address has calls left. The call counts while hbf-core is
 * asked, or many at once would all be asked about; it is given back when the token is valid. So one address has hbf-core
 * asked about so many made-up tokens a minute at most. Answers 429 with Retry-After, in seconds.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly authenticator: Authenticator,
    private readonly counts: CallCounts,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers, ip } = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const token = bearerToken(headers.authorization);
    if (token === undefined || !this.authenticator.isFamiliar(token)) {
      const ofAddress = this.count(this.counts.addresses, addressKey(ip), response);
      if (token === undefined || typeof (await this.authenticator.userOf(token)) === 'string') return true; // 401 follows
      ofAddress.calls--;
    }
    this.count(this.counts.tokens, hashOf(token), response);
    return true;
  }

  private count(windows: CallWindows, key: string, response: Response): CallWindow {
    const now = this.clock.now();
    const window = windows.of(key, now);
    if (window.calls >= this.config.apiRateLimitPerMin) {
      response.setHeader('retry-after', String(Math.ceil((window.until - now) / 1_000)));
      const message = 'too many requests; try again after the seconds that Retry-After tells';
      throw new HttpException(message, HttpStatus.TOO_MANY_REQUESTS);
    }
    window.calls++;
    return window;
  }
}
