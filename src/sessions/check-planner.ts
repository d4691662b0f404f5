import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { Config } from '../config/config.js';
import type { ChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient, type SessionPage } from '../platform/core/core.client.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import type { RejectedItem } from '../platform/page.js';
import type { CheckFigures } from './check-figures.js';
import { decide, type ExpiryTimes, thresholdOf } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';

interface Outlook {
  /** No active session of the tenant had its last interaction before this (epoch ms). */
  oldest: number;
  /** The outlook is not relied upon after this (epoch ms). */
  until: number;
}

/** One list over all tenants. */
interface Listing {
  /** It shows the sessions that have been idle for longer than this (ms). */
  idleMs: number;
  /** If it takes more pages, it is given up. */
  mostPages: number;
}

/** Pages of a listing can shift while users write; an outlook that missed a session by that is corrected within this. */
const TRUST_MS = 3_600_000;
const LISTING_PAGE_SIZE = 2_000;
/** What a page of the listing costs hbf-core, in probes of one tenant. */
const LISTING_PAGE_COST = 20;
/** A listing of old sessions gives outlooks that last until the next check, where it is made again. */
const PAGES_EACH_CHECK = 5;
const PROBES_AT_ONCE = 8;

/**
 * Finds out which tenants have sessions that ended, with as few calls as possible: one call per tenant and check would
 * be thousands, nearly all of them for nothing.
 *
 * A session's last interaction only ever moves forward. So the oldest one among a tenant's active sessions tells before
 * which time none of them can end, and until then the tenant costs nothing: that is its outlook. A tenant whose outlook
 * has passed is probed with one light call (no messages). Where many have passed at once, sessions are listed across
 * tenants instead, if that is cheaper: those that are old enough to have ended, or, where these are too many (tenants
 * with long thresholds have them lie about), all. So calls follow the sessions that end, not the number of tenants or of
 * sessions that are merely active.
 */
@Injectable()
export class CheckPlanner {
  private readonly logger = new Logger(CheckPlanner.name);
  private readonly outlooks = new Map<string, Outlook>();

  constructor(
    private readonly config: Config,
    private readonly core: CoreClient,
    private readonly quarantine: Quarantine,
  ) {}

  /**
   * @param now the check's one point in time, epoch ms
   * @returns the tenants to scan: a session of theirs ended, or there are too many to tell from one call
   * @throws PlatformError when hbf-core does not answer
   */
  async tenantsToScan(tenants: readonly Tenant[], now: number, figures: CheckFigures): Promise<Tenant[]> {
    this.forgetOthers(tenants);
    const due = tenants.filter((tenant) => this.mayHaveEnded(tenant, now));
    for (const tenant of due) this.outlooks.delete(tenant.id);
    const { toScan, left } = await this.tryListings(tenants, due, now, figures);
    return [...toScan, ...(await this.probeAll(left, due.length, now, figures))];
  }

  /**
   * A listing fails for one session that hbf-core cannot show, too: the probes tell whether hbf-core is away.
   *
   * @returns `left` are to be probed: all that are due when that is cheaper, or no listing tells whose the sessions are
   */
  private async tryListings(tenants: readonly Tenant[], due: readonly Tenant[], now: number, figures: CheckFigures) {
    try {
      for (const listing of this.listingsFor(due)) {
        const covers = (tenant: Tenant) => this.thresholdMs(tenant) >= listing.idleMs;
        const toScan = await this.listAll(tenants.filter(covers), listing, now, figures);
        if (toScan) return { toScan, left: due.filter((tenant) => !covers(tenant)) };
      }
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'session-check.listing-failed');
    }
    return { toScan: [], left: due };
  }

  /**
   * The cheaper one first. For the few tenants with the shortest thresholds, it would have to show nearly all active
   * sessions: it leaves them out, as long as probing them takes fewer calls than a page is worth.
   */
  private listingsFor(due: readonly Tenant[]): Listing[] {
    const mostPages = Math.floor(due.length / LISTING_PAGE_COST);
    if (mostPages === 0) return [];
    const thresholds = due.map((tenant) => this.thresholdMs(tenant)).sort((a, b) => a - b);
    return [
      { idleMs: thresholds[LISTING_PAGE_COST - 1]!, mostPages: Math.min(mostPages, PAGES_EACH_CHECK) },
      { idleMs: 0, mostPages },
    ];
  }

  /**
   * A tenant that cannot be probed is left to the scan, which reports it; unless none, or many in a row, can be.
   *
   * @param outOf how many tenants are due: none of them can be probed when so many have failed
   */
  private async probeAll(
    tenants: readonly Tenant[],
    outOf: number,
    now: number,
    figures: CheckFigures,
  ): Promise<Tenant[]> {
    let failed = 0;
    let inARow = 0;
    let away: Error | undefined;
    const mustScan = async (tenant: Tenant): Promise<boolean> => {
      if (away) throw away;
      try {
        const found = await this.probe(tenant, now, figures);
        inARow = 0;
        return found;
      } catch (error) {
        if (++failed === outOf || ++inARow >= PROBES_AT_ONCE) throw (away = error as Error);
        return true;
      }
    };
    const limit = pLimit(PROBES_AT_ONCE);
    const probes = tenants.map((tenant) => limit(async () => ((await mustScan(tenant)) ? [tenant] : [])));
    return (await Promise.all(probes)).flat();
  }

  private mayHaveEnded(tenant: Tenant, now: number): boolean {
    const outlook = this.outlooks.get(tenant.id);
    return !outlook || outlook.until < now || now - outlook.oldest > this.thresholdMs(tenant);
  }

  private thresholdMs(tenant: Tenant): number {
    return 1000 * thresholdOf(tenant, this.config.defaultThresholdSeconds).seconds;
  }

  /** @returns undefined when it takes too many pages, or does not tell whose the sessions are */
  private async listAll(
    tenants: readonly Tenant[],
    { idleMs, mostPages }: Listing,
    now: number,
    figures: CheckFigures,
  ): Promise<Tenant[] | undefined> {
    const before = now - idleMs;
    const tallies = new Map(tenants.map((tenant) => [tenant.id, this.tally(tenant, now, before)]));
    const rejected: RejectedItem[] = [];
    for (let page = 0, seen = 0; ; page++) {
      const found = await this.list({ page, pageSize: LISTING_PAGE_SIZE, includeTenant: true }, before);
      const pages = page === 0 && found.total ? Math.ceil(found.total / Math.max(found.count, 1)) : page + 1;
      if (pages > mostPages) return undefined;
      const nobodys = found.items.filter((session) => session.tenantId === undefined);
      if (nobodys.length > 0 && nobodys.length === found.items.length) return undefined;
      for (const session of found.items) tallies.get(session.tenantId ?? '')?.add(session);
      rejected.push(...found.rejected, ...nobodys.map(({ id }) => ({ id, problem: 'session.tenant is missing' })));
      seen += found.count;
      const last = found.total === undefined ? found.count < LISTING_PAGE_SIZE : seen >= found.total;
      if (last || found.count === 0) break;
    }
    this.noteRejected(rejected, undefined, figures);
    return tenants.filter((tenant) => this.learn(tenant, tallies.get(tenant.id)!, now, figures));
  }

  /** @returns whether the tenant must be scanned */
  private async probe(tenant: Tenant, now: number, figures: CheckFigures): Promise<boolean> {
    const pageSize = this.config.sessionPageSize;
    const found = await this.list({ tenantId: tenant.id, page: 0, pageSize, includeTenant: false }, now);
    const whole = found.total === undefined ? found.count < pageSize : found.count >= found.total;
    if (!whole) return true; // more sessions than one page shows: only the scan can tell
    const tally = this.tally(tenant, now, now);
    found.items.forEach((session) => tally.add(session));
    if (this.learn(tenant, tally, now, figures)) return true; // the scan counts what cannot be read
    this.noteRejected(found.rejected, tenant.id, figures);
    return false;
  }

  private noteRejected(rejected: readonly RejectedItem[], tenantId: string | undefined, figures: CheckFigures): void {
    for (const { id, problem } of rejected) this.quarantine.add(id, tenantId, problem);
    figures.malformed += rejected.length;
  }

  private list(
    query: { tenantId?: string; page: number; pageSize: number; includeTenant: boolean },
    before: number,
  ): Promise<SessionPage> {
    return this.core.listActiveSessions({ ...query, lastInteractionBefore: new Date(before), includeMessages: false });
  }

  /** @param before every session is shown whose last interaction was before this (epoch ms) */
  private tally(tenant: Tenant, now: number, before: number): Tally {
    const threshold = thresholdOf(tenant, this.config.defaultThresholdSeconds);
    const times = { now, threshold, liveChatMaxIdleMs: this.config.liveChatMaxIdleMs };
    return new Tally(times, before, (session) => this.quarantine.has(session.id));
  }

  /** Notes the outlook, unless a longer one holds. @returns whether a session of the tenant ended */
  private learn(tenant: Tenant, { ended, oldest, held, empty }: Tally, now: number, figures: CheckFigures): boolean {
    if (ended) {
      this.outlooks.delete(tenant.id); // after the scan it is looked at anew
      return true;
    }
    if (empty && this.outlooks.has(tenant.id)) return false;
    figures.held += held;
    this.outlooks.set(tenant.id, { oldest, until: now + TRUST_MS * (0.75 + 0.5 * Math.random()) });
    return false;
  }

  private forgetOthers(tenants: readonly Tenant[]): void {
    if (this.outlooks.size <= tenants.length) return;
    const known = new Set(tenants.map((tenant) => tenant.id));
    for (const id of this.outlooks.keys()) if (!known.has(id)) this.outlooks.delete(id);
  }
}

/** What the active sessions of one tenant together say. */
class Tally {
  ended = false;
  held = 0;
  empty = true;

  constructor(
    private readonly times: ExpiryTimes,
    /** No session of the tenant had its last interaction before this (epoch ms). */
    public oldest: number,
    private readonly isQuarantined: (session: ChatSession) => boolean,
  ) {}

  add(session: ChatSession): void {
    const { action } = decide(session, this.times);
    this.empty = false;
    this.oldest = Math.min(this.oldest, session.lastInteraction.getTime());
    if (action === 'hold') this.held++;
    if ((action === 'complete' || action === 'reject') && !this.isQuarantined(session)) this.ended = true;
  }
}
