import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../support/random.js';
import type { LogLine, ServiceProcess } from '../support/service-process.js';
import { type Balance, balance, type Reception } from './ledger.js';
import { type Kill, type KillCounts, type Moment, planKills } from './kill-plan.js';
import { COMPLETE, CrashWorld } from './world.js';

export interface CrashOptions {
  seed: number;
  kills: KillCounts;
  sessions: number;
  tenants: number;
  /** Repository folder whose `dist` runs; by default this one. */
  root?: string;
  onKill?: (line: string) => void;
  /** Is given every log line of all processes; they log at info then. */
  onLog?: (line: LogLine) => void;
}

/**
 * What a run has shown. A reception is **unrecorded** when, after the kill of the process that sent it, the database
 * does not say that it was delivered: it is sent again, under the same webhook-id, and that is the only cause of a
 * repetition (besides an attempt that was not answered in time, which the delivery's log shows).
 *
 * It is **in flight** by the clock when it came less than IN_FLIGHT_MS before the kill: a session's first outcomes are
 * written when all are in, at the latest 500 ms after the first of them (FirstAttempts.HAND_OVER_AFTER_MS, looked at
 * every 50 ms), gather for 50 ms, and the write itself takes its time (journaled; 200 ms are allowed for). What came
 * while the database was away could not be recorded either, nor until the service has found it again (AFTER_OUTAGE_MS).
 */
export interface CrashResult extends Balance {
  seed: number;
  seconds: number;
  sessions: number;
  /** Processes that were killed. */
  serviceKills: number;
  databaseKills: number;
  /** Receptions, over all kills, of which the database knew nothing at the kill. */
  unrecorded: number;
  /** Receptions, over all kills, that came within the window before. */
  inFlight: number;
  /** The longest that an unrecorded reception was before its kill, outages aside, ms. */
  oldestUnrecordedMs: number;
  /**
   * Sessions of which hbf-core was told, so that their completions had been acknowledged as journaled, less than
   * ENGINE_LOSES_MS before the database was killed, and whose completions were gone afterwards. The embedded engine (an
   * alpha) does that: of 60 kills under plain inserts with `j: true` three lost some. No fault of the service.
   */
  lostByEngine: string[];
  completedAgain: string[];
  violations: string[];
  warnings: [string, number][];
  /** Empty: the books balance. */
  problems: string[];
}

export const IN_FLIGHT_MS = 500 + 50 + 50 + 200;
/** The writer tries again every 500 ms, and the driver looks for the server every 500 ms while somebody waits. */
const AFTER_OUTAGE_MS = 2_000;
const ENGINE_LOSES_MS = 5_000;
/** A moment that does not come is not waited for longer, once it is ready: what is due is under a lease, perhaps. */
const NO_LATER_MS = 4_000;
const OFFER_EVERY_MS = 50;
const PAID_WITHIN_MS = 180_000;

/** Kills at random moments while sessions are offered, then lets the service finish, and draws up the balance. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const random = new Random(options.seed);
  const plan = planKills(random, options.kills);
  const { tenants, root, onLog } = options;
  const logs = onLog ? { onLog, env: { LOG_LEVEL: 'info' } } : {};
  const world = await CrashWorld.start({ random, tenants, ...logs, ...(root ? { root } : {}) });
  try {
    return await new CrashRun(world, options, plan).run();
  } finally {
    await world.stop();
  }
}

class CrashRun {
  private readonly startedAt = performance.now();
  private readonly allowed = new Map<string, number>();
  private readonly awaited: Record<'told' | 'heard', { left: number; come: () => void }> = {
    told: { left: 0, come: () => undefined },
    heard: { left: 0, come: () => undefined },
  };
  private service: ServiceProcess;
  /** Receptions before this one are of processes that are gone. */
  private begun = 0;
  private offerUpTo = 0;
  private readonly figures = { serviceKills: 0, databaseKills: 0, unrecorded: 0, inFlight: 0, oldestUnrecordedMs: 0 };

  constructor(
    private readonly world: CrashWorld,
    private readonly options: CrashOptions,
    private readonly plan: readonly Kill[],
  ) {
    world.platform.core.server.onBefore(COMPLETE, () => this.came('told'));
    world.ledger.onReception(() => this.came('heard'));
  }

  async run(): Promise<CrashResult> {
    const { world, options } = this;
    const offering = setInterval(() => this.offer(), OFFER_EVERY_MS);
    this.service = await world.spawn();
    for (const [index, kill] of this.plan.entries()) {
      this.offerUpTo = Math.ceil((options.sessions * (index + 1)) / this.plan.length);
      await this.carryOut(kill);
      options.onKill?.(`${index + 1}/${this.plan.length} ${describe(kill)}: ${JSON.stringify(this.figures)}`);
    }
    while (world.sessionIds.length < options.sessions) world.offerSession();
    clearInterval(offering);
    const late = await world.allPaid(PAID_WITHIN_MS).catch((error: Error) => error.message);
    const exit = await this.service.stop();
    const ended = exit.code === 0 ? undefined : `the last process did not stop in order: ${JSON.stringify(exit)}`;
    return this.result([late, ended].filter((problem) => typeof problem === 'string'));
  }

  private offer(): void {
    if (this.world.sessionIds.length < this.offerUpTo) this.world.offerSession();
  }

  private came(what: 'told' | 'heard'): void {
    const awaited = this.awaited[what];
    if (--awaited.left === 0) awaited.come();
  }

  private async carryOut({ victim, moment, awayMs }: Kill): Promise<void> {
    await this.moment(moment);
    const { engine } = this.world;
    const killedAt = Date.now();
    const serviceGone = victim === 'database' ? undefined : this.service.kill();
    if (victim !== 'service') {
      await engine.kill();
      this.figures.databaseKills++;
      await delay(awayMs);
      await engine.startAgain();
    }
    if (!serviceGone) return;
    await serviceGone;
    this.figures.serviceKills++;
    await this.takeStock(killedAt);
    this.service = await this.world.spawn();
  }

  private async moment({ after, nth, ms }: Moment): Promise<void> {
    const ready = after === 'spawn' ? undefined : this.service.waitReady();
    if (after === 'ready') await ready;
    if (after === 'told' || after === 'heard') {
      const come = new Promise<void>((resolve) => (this.awaited[after] = { left: nth, come: resolve }));
      await Promise.race([come, ready!.then(() => delay(NO_LATER_MS))]);
    }
    if (ms > 0) await delay(ms);
  }

  /** After the process is gone and before the next one is there: what had been heard, and what of that is recorded. */
  private async takeStock(killedAt: number): Promise<void> {
    const { ledger, completions, engine } = this.world;
    const heard = ledger.receptions.slice(this.begun);
    this.begun = ledger.receptions.length;
    const outage = engine.outages.find(({ to = Infinity }) => to > killedAt - IN_FLIGHT_MS - AFTER_OUTAGE_MS);
    const from = Math.min(killedAt, outage?.from ?? Infinity) - IN_FLIGHT_MS;
    this.figures.inFlight += heard.filter(({ at }) => at >= from).length;
    const unrecorded = await ledger.unrecorded(heard, completions);
    this.figures.unrecorded += unrecorded.length;
    for (const reception of unrecorded) {
      this.allow(reception);
      if (outage) continue;
      this.figures.oldestUnrecordedMs = Math.max(this.figures.oldestUnrecordedMs, killedAt - reception.at);
    }
  }

  /** A failed insert that passed for a good one would be told of after the kill. */
  private wasWrittenBeforeAKill(sessionId: string): boolean {
    const [told = Infinity] = this.world.platform.core.ledger.get(sessionId)?.at ?? [];
    return this.world.engine.outages.some(({ from }) => told < from && from - told < ENGINE_LOSES_MS);
  }

  /** When hbf-core was told of a session, and which database outage came next. */
  private story(sessionId: string): string {
    const { platform, engine } = this.world;
    const told = platform.core.ledger.get(sessionId)?.at ?? [];
    const next = engine.outages.find(({ from }) => from >= (told[0] ?? Infinity));
    const at = (time: number | undefined) => (time === undefined ? '–' : new Date(time).toISOString());
    return `${sessionId} told at ${told.map(at).join(', ')}, the database killed at ${at(next?.from)}`;
  }

  private allow({ debt }: Reception): void {
    this.allowed.set(debt, (this.allowed.get(debt) ?? 0) + 1);
  }

  private async result(problems: string[]): Promise<CrashResult> {
    const { world, options } = this;
    const completions = await world.completions.find().toArray();
    const books = balance(world.ledger, completions, this.allowed);
    const known = new Set(completions.map(({ sessionId }) => sessionId));
    const gone = world.sessionIds.filter((id) => !known.has(id));
    const lostByEngine = gone.filter((id) => this.wasWrittenBeforeAKill(id));
    const unknown = gone.filter((id) => !lostByEngine.includes(id)).map((id) => this.story(id));
    books.missing = books.missing.filter((debt) => !lostByEngine.includes(debt.split(' ')[0]!));
    const bound = this.figures.inFlight + books.unanswered;
    const list = (what: string, items: readonly string[]) =>
      items.length > 0 ? [`${items.length} ${what}: ${items.slice(0, 5).join(' | ')}`] : [];
    return {
      ...books,
      ...this.figures,
      seed: options.seed,
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      sessions: options.sessions,
      lostByEngine,
      completedAgain: world.completedAgain,
      violations: world.platform.violations,
      warnings: [...world.warnings],
      problems: [
        ...problems,
        ...list('debts that nobody heard of', books.missing),
        ...list('sessions without a completion', unknown),
        ...list('deliveries that are not delivered', books.dead),
        ...list('told to somebody to whom nothing is owed', books.strangers),
        ...list('repeated without a cause', books.withoutCause),
        ...list('under a wrong webhook-id', books.otherIds),
        ...list('calls that no contract knows', world.platform.violations),
        ...(books.duplicates > bound ? [`${books.duplicates} duplicates, but ${bound} were in flight`] : []),
      ],
    };
  }
}

function describe({ victim, moment: { after, nth, ms }, awayMs }: Kill): string {
  const away = victim === 'service' ? '' : `, the database away for ${awayMs} ms`;
  return `${victim} ${ms} ms after ${nth > 0 ? `${after} ${nth} times` : after}${away}`;
}
