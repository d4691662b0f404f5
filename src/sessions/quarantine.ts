import { Injectable, Logger } from '@nestjs/common';

const FOR_MS = 3_600_000;
const AT_MOST = 10_000;

/**
 * Sessions that cannot be completed as they are: hbf-core refuses them, or shows them in a way that cannot be read.
 * Each is logged once and left alone for an hour, so that it neither stops nor slows the others.
 */
@Injectable()
export class Quarantine {
  private readonly logger = new Logger(Quarantine.name);
  /** Session id to the time (epoch ms) at which it is tried again; oldest first. */
  private readonly until = new Map<string, number>();

  has(sessionId: string): boolean {
    const until = this.until.get(sessionId);
    return until !== undefined && until > Date.now();
  }

  add(sessionId: string | undefined, tenantId: string | undefined, problem: string): void {
    const key = sessionId ?? `of tenant ${tenantId}: ${problem}`;
    if (!this.until.has(key)) this.logger.warn({ sessionId, tenantId, problem }, 'session.quarantined');
    this.until.delete(key);
    this.until.set(key, Date.now() + FOR_MS);
    if (this.until.size > AT_MOST) this.until.delete(this.until.keys().next().value!);
  }
}
