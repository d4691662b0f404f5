import { Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { Clock } from '../persistence/clock.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import { claimsExpiry, hashOf } from './caller.js';
import { ExpiringMap } from '../platform/expiring-map.js';

const KNOWN_MS = 60_000;
const REFUSED_MS = 5_000;
const FAMILIAR_MS = 3_600_000;
const MAX_REMEMBERED = 10_000;

/** How hbf-core answers a token that belongs to no user: it declares 400 and sends 401 and 403; 404 for a deleted user. */
const REFUSALS = new Set([400, 401, 403, 404]);

/** Why a token names no user: hbf-core does not know it, or it has expired, as far as somebody tells. */
export type Refusal = 'unknown' | 'expired';

/**
 * Finds the user of a bearer token by asking hbf-core's `/users/me` with it. A user is remembered for a minute, a
 * refusal for five seconds, by a hash of the token; so a right that was taken away may be used for a minute more.
 * Concurrent requests with the same token share one call. That hbf-core is away is never remembered.
 */
@Injectable()
export class Authenticator {
  private readonly logger = new Logger(Authenticator.name);
  private readonly known = new ExpiringMap<CurrentUser>(KNOWN_MS, MAX_REMEMBERED);
  // apart, so that a flood of made-up tokens does not push out the users
  private readonly refused = new ExpiringMap<Refusal>(REFUSED_MS, MAX_REMEMBERED);
  private readonly familiar = new ExpiringMap<true>(FAMILIAR_MS, MAX_REMEMBERED);
  private readonly asking = new Map<string, Promise<CurrentUser | Refusal>>();

  constructor(
    @Inject(CoreClient) private readonly core: Pick<CoreClient, 'getCurrentUser'>,
    private readonly clock: Clock,
  ) {}

  /** Whether hbf-core named the user of this token within the last hour and has not refused it since. */
  isFamiliar(token: string): boolean {
    return this.familiar.get(hashOf(token), this.clock.now()) ?? false;
  }

  /** @throws ServiceUnavailableException when hbf-core cannot be asked */
  async userOf(token: string): Promise<CurrentUser | Refusal> {
    const key = hashOf(token);
    const now = this.clock.now();
    const remembered = this.refused.get(key, now) ?? this.known.get(key, now);
    return remembered ?? this.asking.get(key) ?? this.startAsking(key, token);
  }

  private startAsking(key: string, token: string): Promise<CurrentUser | Refusal> {
    const answer = this.ask(key, token).finally(() => this.asking.delete(key));
    this.asking.set(key, answer);
    return answer;
  }

  private async ask(key: string, token: string): Promise<CurrentUser | Refusal> {
    try {
      const user = await this.core.getCurrentUser(token);
      this.known.set(key, user, this.clock.now());
      this.familiar.set(key, true, this.clock.now());
      return user;
    } catch (error) {
      if (!isRefusal(error)) throw this.unavailable(error);
      const expired = error.tokenExpired || claimsExpiry(token, this.clock.now());
      const refusal = expired ? 'expired' : 'unknown';
      this.refused.set(key, refusal, this.clock.now());
      this.familiar.delete(key);
      return refusal;
    }
  }

  private unavailable(error: unknown): Error {
    if (!(error instanceof PlatformError)) return error as Error;
    this.logger.warn({ kind: error.kind, code: error.code }, 'auth.core-unavailable');
    return new ServiceUnavailableException('hbf-core cannot be asked who you are; try again later');
  }
}

/** A token that no header can carry has no status, only the kind. */
function isRefusal(error: unknown): error is PlatformError {
  if (!(error instanceof PlatformError)) return false;
  return error.status === undefined ? error.kind === 'unauthorized' : REFUSALS.has(error.status);
}
