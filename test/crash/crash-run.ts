import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../support/random.js';
import { type Arrival, listed, nameOf } from '../world/arrivals.js';
import type { Engine } from '../world/engine.js';
import type { LogLine, ServiceProcess } from '../world/service/service-process.js';
import type { World } from '../world/world.js';
import { checkDeliveries, type DeliveryCheck, deliveryProblems, unrecorded } from './delivery-check.js';
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
 * What a run has shown. An arrival is **unrecorded** when, after the kill of the process that sent it, the database
 * does not say that it was delivered: it is sent again, under the same webhook-id, and that is the only cause of a
 * repetition (besides an attempt that was not answered in time, which the delivery's log shows).
 *
 * It is **in flight** by the clock when it came less than IN_FLIGHT_MS before the kill: a session's first outcomes are
 * written when all are in, at the latest 500 ms after the first of them (FirstAttempts.HAND_OVER_AFTER_MS, looked at
 * every 50 ms), gather for 50 ms, and the write itself takes its time (journaled; 200 ms are allowed for). What arrived
 * while the database was away could not be recorded either, nor until the service has found it again (AFTER_OUTAGE_MS).
 */
export interface CrashResult extends DeliveryCheck {
  seed: number;
  seconds: number;
  sessions: number;
  /** Processes that were killed. */
  serviceKills: number;
  databaseKills: number;
  /** Arrivals, over all kills, of which the database knew nothing at the kill. */
  unrecorded: number;
  /** Arrivals, over all kills, that came within the window before. */
  inFlight: number;
  /** The longest that an unrecorded arrival was before its kill, outages aside, ms. */
  oldestUnrecordedMs: number;
  /**
   * Sessions that hbf-core was asked to complete, so that their completions had been acknowledged as journaled, less than
   * ENGINE_LOSES_MS before the database was killed, and whose completions were gone afterwards. The embedded engine (an
   * alpha) does that: of 60 kills under plain inserts with `j: true` three lost some. No fault of the service.
   */
  lostByEngine: string[];
  completedAgain: string[];
  violations: string[];
  warnings: [string, number][];
  /** Empty: all that was expected arrived, and each repetition has a cause. */
  problems: string[];
}

export const IN_FLIGHT_MS = 500 + 50 + 50 + 200;
/** The writer tries again every 500 ms, and the driver looks for the server every 500 ms while an operation waits. */
const AFTER_OUTAGE_MS = 2_000;
const ENGINE_LOSES_MS = 5_000;
/** A moment that does not come is not waited for longer, once it is ready: what is due is under a lease, perhaps. */
const NO_LATER_MS = 4_000;
const OFFER_EVERY_MS = 50;
const DELIVERED_WITHIN_MS = 180_000;

/** Kills at random moments while sessions are offered, then lets the service finish, and checks what arrived. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const random = new Random(options.seed);
  const plan = planKills(random, options.kills);
  const { tenants, root, onLog } = options;
  const logs = onLog ? { onLog, env: { LOG_LEVEL: 'info' } } : {};
  const load = await CrashWorld.start({ random, tenants, ...logs, ...(root ? { root } : {}) });
  try {
    return await new CrashRun(load, options, plan).run();
  } finally {
    await load.world.stop();
  }
}

class CrashRun {
  private readonly startedAt = performance.now();
  private readonly allowed = new Map<string, number>();
  private readonly awaited: Record<'completing' | 'arrival', { left: number; come: () => void }> = {
    completing: { left: 0, come: () => undefined },
    arrival: { left: 0, come: () => undefined },
  };
  private service: ServiceProcess;
  /** Arrivals before this one were sent by processes that are gone. */
  private begun = 0;
  private offerUpTo = 0;
  private readonly figures = { serviceKills: 0, databaseKills: 0, unrecorded: 0, inFlight: 0, oldestUnrecordedMs: 0 };

  private readonly world: World;
  private readonly engine: Engine;

  constructor(
    private readonly load: CrashWorld,
    private readonly options: CrashOptions,
    private readonly plan: readonly Kill[],
  ) {
    const { world } = load;
    this.world = world;
    this.engine = world.installation.engine;
    world.platform.core.server.onBefore(COMPLETE, () => this.came('completing'));
    world.arrivals.onArrival(() => this.came('arrival'));
  }

  async run(): Promise<CrashResult> {
    const { world, load, options } = this;
    const offering = setInterval(() => this.offer(), OFFER_EVERY_MS);
    this.service = await world.spawn();
    for (const [index, kill] of this.plan.entries()) {
      this.offerUpTo = Math.ceil((options.sessions * (index + 1)) / this.plan.length);
      await this.carryOut(kill);
      options.onKill?.(`${index + 1}/${this.plan.length} ${describe(kill)}: ${JSON.stringify(this.figures)}`);
    }
    while (load.sessionIds.length < options.sessions) load.offerSession();
    clearInterval(offering);
    const late = await world.allDelivered(DELIVERED_WITHIN_MS).catch((error: Error) => error.message);
    await this.service.waitReady(); // before its first line of code a signal just ends a process
    const exit = await this.service.stop();
    const ended = exit.code === 0 ? undefined : `the last process did not stop in order: ${JSON.stringify(exit)}`;
    return this.result([late, ended].filter((problem) => typeof problem === 'string'));
  }

  private offer(): void {
    if (this.load.sessionIds.length < this.offerUpTo) this.load.offerSession();
  }

  private came(what: 'completing' | 'arrival'): void {
    const awaited = this.awaited[what];
    if (--awaited.left === 0) awaited.come();
  }

  private async carryOut({ victim, moment, awayMs }: Kill): Promise<void> {
    await this.moment(moment);
    const { engine } = this;
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
    if (after === 'completing' || after === 'arrival') {
      const come = new Promise<void>((resolve) => (this.awaited[after] = { left: nth, come: resolve }));
      await Promise.race([come, ready!.then(() => delay(NO_LATER_MS))]);
    }
    if (ms > 0) await delay(ms);
  }

  /** After the process is gone and before the next one is there: what has arrived, and what of that is recorded. */
  private async takeStock(killedAt: number): Promise<void> {
    const { world, engine } = this;
    const arrived = world.arrivals.list.slice(this.begun);
    this.begun = world.arrivals.list.length;
    const outage = engine.outages.find(({ to = Infinity }) => to > killedAt - IN_FLIGHT_MS - AFTER_OUTAGE_MS);
    const from = Math.min(killedAt, outage?.from ?? Infinity) - IN_FLIGHT_MS;
    this.figures.inFlight += arrived.filter(({ at }) => at >= from).length;
    const unknown = await unrecorded(arrived, world.completions);
    this.figures.unrecorded += unknown.length;
    for (const arrival of unknown) {
      this.allow(arrival);
      if (outage) continue;
      this.figures.oldestUnrecordedMs = Math.max(this.figures.oldestUnrecordedMs, killedAt - arrival.at);
    }
  }

  /** A failed insert that passed for a good one would reach hbf-core only after the kill. */
  private wasWrittenBeforeAKill(sessionId: string): boolean {
    const [completedAt = Infinity] = this.world.platform.core.completed.get(sessionId)?.at ?? [];
    return this.engine.outages.some(({ from }) => completedAt < from && from - completedAt < ENGINE_LOSES_MS);
  }

  /** When hbf-core was asked to complete a session, and which database outage came next. */
  private story(sessionId: string): string {
    const times = this.world.platform.core.completed.get(sessionId)?.at ?? [];
    const next = this.engine.outages.find(({ from }) => from >= (times[0] ?? Infinity));
    const at = (time: number | undefined) => (time === undefined ? '–' : new Date(time).toISOString());
    return `${sessionId} completed at ${times.map(at).join(', ')}, the database killed at ${at(next?.from)}`;
  }

  private allow(arrival: Arrival): void {
    this.allowed.set(nameOf(arrival), (this.allowed.get(nameOf(arrival)) ?? 0) + 1);
  }

  private async result(problems: string[]): Promise<CrashResult> {
    const { world, load, options } = this;
    const completions = await world.completions.find().toArray();
    const check = checkDeliveries(world.arrivals, completions, this.allowed);
    const known = new Set(completions.map(({ sessionId }) => sessionId));
    const gone = load.sessionIds.filter((id) => !known.has(id));
    const lostByEngine = gone.filter((id) => this.wasWrittenBeforeAKill(id));
    const unknown = gone.filter((id) => !lostByEngine.includes(id)).map((id) => this.story(id));
    check.missing = check.missing.filter(({ sessionId }) => !lostByEngine.includes(sessionId));
    const result = {
      ...check,
      ...this.figures,
      seed: options.seed,
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      sessions: options.sessions,
      lostByEngine,
      completedAgain: load.completedAgain,
      violations: world.platform.violations,
      warnings: [...world.installation.warnings],
    };
    return {
      ...result,
      problems: [...problems, ...listed('sessions without a completion', unknown), ...problemsOf(result)],
    };
  }
}

function problemsOf(result: Omit<CrashResult, 'problems'>): string[] {
  const bound = result.inFlight + result.unanswered;
  return [
    ...deliveryProblems(result),
    ...listed('arrived again without a cause', result.withoutCause),
    ...listed('calls that no contract knows', result.violations),
    ...(result.repeated > bound ? [`${result.repeated} arrived again, but ${bound} were in flight`] : []),
  ];
}

function describe({ victim, moment: { after, nth, ms }, awayMs }: Kill): string {
  const away = victim === 'service' ? '' : `, the database away for ${awayMs} ms`;
  return `${victim} ${ms} ms after ${nth > 0 ? `${after} ${nth} times` : after}${away}`;
}
