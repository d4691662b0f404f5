import { Injectable } from '@nestjs/common';
import { readPage } from '../page.js';
import { PlatformHttp } from '../platform-http.js';

/** Milliseconds for which an answer 200 shows that hbf-core itself answers. */
const FRESH_MS = 60_000;
/** Milliseconds for which a failed question counts: hundreds of deliveries may be told 404 together. */
const FAILED_MS = 5_000;

interface Answered {
  id: string;
  /** Monotonic, in milliseconds. */
  at: number;
}

/**
 * Knows when hbf-core last answered 200 to a read of a session or of `/tenants`. A 404 for one session tells something of
 * that session only if hbf-core knows others: while it is deployed, its ingress answers 404 to everything.
 */
@Injectable()
export class CoreWitness {
  private tenantsAt = -Infinity;
  private failedAt = -Infinity;
  private latestSession?: Answered;
  /** The latest one of another session than latestSession. */
  private otherSession?: Answered;
  private asking?: Promise<boolean>;

  constructor(private readonly http: PlatformHttp) {}

  /** hbf-core answered 200 to a read of this session. */
  noteSession(id: string): void {
    if (this.latestSession && this.latestSession.id !== id) this.otherSession = this.latestSession;
    this.latestSession = { id, at: performance.now() };
  }

  /** hbf-core answered 200 to a read of `/tenants`, with at least one tenant. */
  noteTenants(): void {
    this.tenantsAt = performance.now();
  }

  /**
   * Whether hbf-core answered 200 within the last minute to a read of another session than this one or of `/tenants`. If
   * it did not, `/tenants` is asked, with one row, once for all that ask at the same time. Never rejects.
   */
  async answersOthers(sessionId: string): Promise<boolean> {
    const earliest = performance.now() - FRESH_MS;
    const other = this.latestSession?.id === sessionId ? this.otherSession : this.latestSession;
    if (this.tenantsAt >= earliest || (other && other.at >= earliest)) return true;
    if (performance.now() - this.failedAt < FAILED_MS) return false;
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<boolean> {
    try {
      const query = { page: 0, pageSize: 1 };
      const { count } = await this.http.json(
        { service: 'hbf-core', method: 'GET', route: '/tenants', query },
        (answer) => readPage(answer, (item) => item),
      );
      if (count > 0) {
        this.noteTenants();
        return true;
      }
    } catch {
      // as good as no answer
    }
    this.failedAt = performance.now();
    return false;
  }
}
