import { Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { Clock } from '../persistence/clock.js';
import { CoreClient } from '../platform/core/core.client.js';
import type { CurrentUser } from '../platform/core/current-user.dto.js';
import { PlatformError } from '../platform/platform-error.js';
import { ExpiringMap } from './expiring-map.js';

const KNOWN_MS = 60_000;
const REFUSED_MS = 5_000;
const MAX_REMEMBERED = 10_000;

/** How hbf-core answers a token that belongs to no user: it declares 400 and sends 401 and 403; 404 for a deleted user. */
const REFUSALS = new Set([400, 401, 403, 404]);

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
  private readonly refused = new ExpiringMap<true>(REFUSED_MS, MAX_REMEMBERED);
  private readonly asking = new Map<string, Promise<CurrentUser | null>>();

  constructor(
    @Inject(CoreClient) private readonly core: Pick<CoreClient, 'getCurrentUser'>,
    private readonly clock: Clock,
  ) {}

  /**
   * @returns null when the token belongs to no user
   * @throws ServiceUnavailableException when hbf-core cannot be asked
   */
  async userOf(token: string): Promise<CurrentUser | null> {
    const key = createHash('sha256').update(token).digest('base64');
    const now = this.clock.now();
    if (this.refused.get(key, now)) return null;
    return this.known.get(key, now) ?? this.asking.get(key) ?? this.startAsking(key, token);
  }

  private startAsking(key: string, token: string): Promise<CurrentUser | null> {
    const answer = this.ask(key, token).finally(() => this.asking.delete(key));
    this.asking.set(key, answer);
    return answer;
  }

  private async ask(key: string, token: string): Promise<CurrentUser | null> {
    try {
      const user = await this.core.getCurrentUser(token);
      this.known.set(key, user, this.clock.now());
      return user;
    } catch (error) {
      if (!isRefusal(error)) throw this.unavailable(error);
      this.refused.set(key, true, this.clock.now());
      return null;
    }
  }

  private unavailable(error: unknown): Error {
    if (!(error instanceof PlatformError)) return error as Error;
    this.logger.warn({ kind: error.kind, code: error.code }, 'auth.core-unavailable');
    return new ServiceUnavailableException('hbf-core cannot be asked who you are; try again later');
  }
}

/** A token that no header can carry has no status, only the kind. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof PlatformError)) return false;
  return error.status === undefined ? error.kind === 'unauthorized' : REFUSALS.has(error.status);
}
