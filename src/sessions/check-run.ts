import type { Tenant } from '../platform/core/tenant.dto.js';
import { type CheckFigures, noFigures } from './check-figures.js';
import type { CoreGuard } from './core-guard.js';
import type { ExpiryThreshold } from './expiry-policy.js';
import type { HeldScan } from './held-sessions.js';

/** Ended sessions whose tenant is remembered: those of the lists that are read at the same time, and many before. */
const REMEMBERED = 20_000;

/** Counts what is done now; a check takes the figures when it ends. */
export class FigureBook {
  current: CheckFigures = noFigures();

  /** @returns the figures since the last time */
  take(): CheckFigures {
    const figures = this.current;
    this.current = noFigures();
    return figures;
  }
}

/** What one check and its scans share. A scan whose list is slow may outlive its check. */
export class CheckRun {
  /** hbf-core has set at least one page of sessions COMPLETED: what it refuses is then about the session. */
  patched = false;
  /** Tenants with a session that hbf-core refused: theirs are completed apart from others. */
  readonly apart = new Set<string>();
  /** Tenants whose scan ends here: a session of theirs was listed for another tenant, too. */
  readonly suspect = new Set<string>();
  /** Tenants of whose disabled integrations some were left out, as the log says. */
  readonly integrationsLeftOut = new Set<string>();
  private readonly deferred = new Set<string>();
  private readonly owners = new Map<string, string>();

  /**
   * @param now the one point in time that decides, epoch ms
   * @param deadline when the check begins nothing more, ms of a clock that never jumps
   */
  constructor(
    readonly now: number,
    readonly book: FigureBook,
    readonly guard: CoreGuard,
    readonly deadline = Infinity,
  ) {}

  get figures(): CheckFigures {
    return this.book.current;
  }

  /** Notes that a tenant is left to the next check. */
  defer(tenantId: string): void {
    if (this.deferred.has(tenantId)) return;
    this.deferred.add(tenantId);
    this.figures.deferred++;
  }

  /**
   * Notes that a session was listed for a tenant.
   *
   * @returns another tenant for which it was listed, too; undefined when there is none
   */
  otherOwner(sessionId: string, tenantId: string): string | undefined {
    const owner = this.owners.get(sessionId);
    if (owner !== undefined) return owner === tenantId ? undefined : owner;
    this.owners.set(sessionId, tenantId);
    if (this.owners.size > REMEMBERED) this.owners.delete(this.owners.keys().next().value!);
    return undefined;
  }
}

/** One tenant's scan in one check. */
export interface Scan {
  tenant: Tenant;
  threshold: ExpiryThreshold;
  /** One for all pages of the scan. */
  cutoff: Date;
  run: CheckRun;
  /** Lists without messages, and reads the sessions that ended by id. */
  light: boolean;
  /** Ids, or problems without one, that were met and are expected to stay on the list. */
  readonly staying: Set<string>;
  /** Those of them that an open live chat holds back. */
  readonly held: HeldScan;
  /** Called when a call has taken long: the check does not wait for this scan any longer. */
  leftPool: () => void;
}
