import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { CoreClient } from '../platform/core/core.client.js';
import { TenantDirectory } from '../platform/core/tenant-directory.js';
import type { Tenant } from '../platform/core/tenant.dto.js';
import { traced } from '../tracing/tracing.js';
import { Backpressure } from './backpressure.js';
import type { CheckFigures } from './check-figures.js';
import { CheckRun, FigureBook } from './check-run.js';
import { CompletionFailedError } from './completion-batches.js';
import { CompletionPace } from './completion-pace.js';
import { CoreGuard } from './core-guard.js';
import { ExpiryClock } from './expiry-clock.js';
import { HeldSessions } from './held-sessions.js';
import { Quarantine } from './quarantine.js';
import { Recovery } from './recovery.js';
import { SessionEvents } from './session-events.js';
import { SessionLists } from './session-lists.js';
import { PageTooSlowError } from './session-pages.js';
import { Shares } from './shares.js';
import { TenantProblems } from './tenant-problems.js';
import { TenantScanner } from './tenant-scanner.js';

/** Scans under way at a time; those of slow lists run on beside them. */
const SCANS_AT_ONCE = 200;
/** Milliseconds that a check waits for the recovery before it begins; what takes longer goes on beside it. */
const RECOVERY_FIRST_MS = 2_000;

/** `share`: the tenants that are this replica's. `all`: every tenant, also one whose list failed lately. */
export type CheckScope = 'share' | 'all';

/** One session check: asks for the ended sessions of each tenant, and has them completed. */
@Injectable()
export class SessionCheck {
  private readonly logger = new Logger(SessionCheck.name);
  private readonly book = new FigureBook();
  /** Tenants whose scan runs, perhaps since an earlier check. */
  private readonly scanning = new Set<string>();
  private recovering?: Promise<void>;

  constructor(
    private readonly clock: Clock,
    private readonly expiryClock: ExpiryClock,
    private readonly core: CoreClient,
    private readonly tenants: TenantDirectory,
    private readonly lists: SessionLists,
    private readonly scanner: TenantScanner,
    private readonly recovery: Recovery,
    private readonly quarantine: Quarantine,
    private readonly held: HeldSessions,
    private readonly problems: TenantProblems,
    private readonly heartbeat: Heartbeat,
    private readonly shares: Shares,
    private readonly pace: CompletionPace,
    private readonly pressure: Backpressure,
    private readonly events: SessionEvents,
  ) {}

  /** From here on a check that runs begins no further page. */
  stop(): void {
    this.scanner.stop();
  }

  /**
   * @throws PlatformError when hbf-core does not answer; TenantFilterError; a database error when the database is away
   */
  async run(scope: CheckScope): Promise<CheckFigures> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    try {
      const figures = await traced({ name: 'session-check' }, async (note) => {
        const all = await this.check(scope);
        const { found, held, completed } = all;
        note(() => ({ 'hbf.sessions.found': found, 'hbf.sessions.held': held, 'hbf.sessions.completed': completed }));
        return all;
      });
      this.logger.log({ ...figures, durationMs: durationMs() }, 'session-check.finished');
      this.events.onCheckFinished({ figures, durationMs: durationMs() });
      return figures;
    } catch (error) {
      this.events.onCheckFinished({ durationMs: durationMs() });
      throw error;
    }
  }

  private async check(scope: CheckScope): Promise<CheckFigures> {
    await this.heartbeat.confirmed(); // a process that was paused goes by the members of before
    const { current: figures } = this.book;
    await this.recover();
    figures.paused = await this.pressure.begin();
    if (figures.paused) return this.book.take();
    await this.quarantine.load();
    const tenants = await this.tenants.refresh();
    // only now: the clock of expiry knows hbf-core's time by its answers
    const run = new CheckRun(this.expiryClock.now(), this.book, new CoreGuard(this.core), this.pace.deadline());
    run.figures.tenants = tenants.length;
    this.noteUnreadable(tenants, run);
    await this.lists.proveFilter(run.now);
    await this.scanAll(this.toScan(tenants, scope, run), run);
    await this.quarantine.save();
    await this.held.save();
    const done = this.book.take();
    if (run.guard.away) throw run.guard.away;
    return done;
  }

  /**
   * What cannot be recovered now is taken up again later; it must not keep the other sessions from ending, nor must a
   * session whose read hangs.
   */
  private async recover(): Promise<void> {
    this.recovering ??= this.recoverOnce().finally(() => (this.recovering = undefined));
    await Promise.race([this.recovering, delay(RECOVERY_FIRST_MS, undefined, { ref: false })]);
  }

  private async recoverOnce(): Promise<void> {
    try {
      const recovered = await this.recovery.run();
      this.book.current.recovered += recovered;
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'recovery.failed');
    }
  }

  private noteUnreadable(tenants: readonly Tenant[], { now }: CheckRun): void {
    this.problems.begin();
    for (const { id, problem } of this.tenants.rejected) this.problems.note(id ?? 'unknown', problem, now);
    for (const { id, unreadable = {} } of tenants) {
      for (const problem of Object.values(unreadable)) this.problems.note(id, problem, now);
    }
  }

  private toScan(tenants: readonly Tenant[], scope: CheckScope, run: CheckRun): Tenant[] {
    if (scope === 'all') return shuffle(tenants);
    const now = this.clock.now();
    const mine = tenants.filter(({ id }) => this.shares.isMine(id));
    const ids = new Set(mine.map(({ id }) => id));
    this.problems.keepFailing((id) => ids.has(id));
    const ready = mine.filter(({ id }) => !this.problems.backsOff(id, now));
    run.figures.tenantsBackingOff = mine.length - ready.length;
    return shuffle(ready);
  }

  /** Those that failed at once are asked again after all others, without messages: it may be one session that fails. */
  private async scanAll(tenants: readonly Tenant[], run: CheckRun): Promise<void> {
    const failed: Tenant[] = [];
    await this.scanEach(tenants, run, { light: false, failed });
    await this.scanEach(failed, run, { light: true });
  }

  private async scanEach(
    tenants: readonly Tenant[],
    run: CheckRun,
    { light, failed }: { light: boolean; failed?: Tenant[] },
  ): Promise<void> {
    const limit = pLimit(SCANS_AT_ONCE);
    const scanOne = async (tenant: Tenant): Promise<void> => {
      if (run.guard.away || this.scanning.has(tenant.id)) return;
      run.figures.tenantsScanned += light ? 0 : 1;
      let left = () => undefined as void;
      const leftPool = new Promise<void>((resolve) => (left = resolve));
      let slow = false;
      const done = this.scan(tenant, run, light, () => {
        slow = true;
        left();
      });
      const noted = done.then((error) => {
        if (error && failed && !slow && !(error instanceof PageTooSlowError)) failed.push(tenant);
        else if (error) this.noteFailure(tenant, error, run);
      });
      await Promise.race([noted, leftPool]);
    };
    await Promise.all(tenants.map((tenant) => limit(() => scanOne(tenant))));
  }

  /** @returns why it failed, as far as that is about the tenant */
  private async scan(tenant: Tenant, run: CheckRun, light: boolean, leftPool: () => void): Promise<Error | undefined> {
    this.scanning.add(tenant.id);
    try {
      await this.scanner.scan(tenant, run, leftPool, light);
      this.problems.succeeded(tenant.id);
      return undefined;
    } catch (error) {
      if (error instanceof CompletionFailedError) {
        run.figures.tenantsFailed++;
        this.logger.error({ tenantId: tenant.id, reason: error.message }, 'completion.failed');
        return undefined;
      }
      await run.guard.listFailed(tenant.id, error as Error);
      return error as Error;
    } finally {
      this.scanning.delete(tenant.id);
    }
  }

  private noteFailure(tenant: Tenant, error: Error, run: CheckRun): void {
    run.figures.tenantsFailed++;
    const { message: reason } = error;
    this.logger.error({ tenantId: tenant.id, reason }, 'session-check.tenant-failed');
    const tenantsTrouble = !run.guard.away && !(error instanceof PageTooSlowError);
    if (tenantsTrouble) this.problems.failed(tenant.id, reason, this.clock.now());
  }
}

/** Each check begins elsewhere, so that what ends one early does not keep the same tenants waiting. */
function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
