import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Completion } from '../../src/deliveries/completion.js';
import { SHARD_LEASE_MS } from '../../src/sessions/shards.js';
import { Random } from '../support/random.js';
import type { ServiceProcess } from '../support/service-process.js';
import type { SimRequest } from '../support/simulated-server.js';
import { type Balance, balance, debtKey } from './ledger.js';
import { COMPLETE, CrashWorld, THRESHOLD_SECONDS } from './world.js';

export interface ReplicaOptions {
  seed: number;
  tenants: number;
  /** Offered each second, from beginning to end. */
  sessionsPerSecond: number;
  /** Repository folder whose `dist` runs; by default this one. */
  root?: string;
  onStep?: (line: string) => void;
}

/**
 * What a run has shown. The only cause for completing a session, or sending a delivery, a second time is that the
 * first process **held** it when it was stopped or killed: the database names it as detected or claimed right then, and
 * still does, under the same lease or token, when all who live have long finished theirs (HELD_MS later).
 */
export interface ReplicaResult extends Balance {
  seed: number;
  seconds: number;
  sessions: number;
  /** Milliseconds that the paused replica stood still. */
  pausedMs: number;
  /** Sessions, and deliveries, that were held by the paused and by the killed replica. */
  heldSessions: number;
  heldDeliveries: number;
  completedAgain: string[];
  /** Of these, the ones that nobody held. */
  completedAgainWithoutCause: string[];
  /** hbf-core was told before the tenant's threshold had passed: somebody went by a wrong clock. */
  tooEarly: string[];
  /** The replicas' clocks against the database's, seconds. */
  clocks: number[];
  violations: string[];
  warnings: [string, number][];
  /** Empty: the books balance. */
  problems: string[];
}

const LIST = 'GET /chat-sessions';
/** The longest lease there is is that of a shard; completions and claims have 16 s here. */
const PAUSE_MS = SHARD_LEASE_MS + 5_000;
const KILL_AFTER_MS = 12_000;
const HELD_MS = 5_000;
const GO_ON_MS = 10_000;
const OFFER_EVERY_MS = 50;
const PAID_WITHIN_MS = 180_000;
const FAKETIME = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib']
  .map((folder) => `${folder}/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

/** Whether the replicas can be given clocks that differ (Debian: apt-get install faketime). */
export const CLOCKS_CAN_DIFFER = FAKETIME !== undefined;

/** Three replicas on one database: one is paused for longer than every lease, another is killed meanwhile. */
export async function runReplicas(options: ReplicaOptions): Promise<ReplicaResult> {
  const random = new Random(options.seed);
  const { tenants, root } = options;
  const world = await CrashWorld.start({ random, tenants, ...(root ? { root } : {}) });
  try {
    return await new ReplicaRun(world, options, random).run();
  } finally {
    await world.stop();
  }
}

class ReplicaRun {
  private readonly startedAt = performance.now();
  private readonly clocks = CLOCKS_CAN_DIFFER ? [0, 30, -30] : [0, 0, 0];
  private readonly heldSessions = new Set<string>();
  private readonly heldDebts = new Map<string, number>();

  constructor(
    private readonly world: CrashWorld,
    private readonly options: ReplicaOptions,
    private readonly random: Random,
  ) {}

  async run(): Promise<ReplicaResult> {
    const { world, options } = this;
    const perTick = (options.sessionsPerSecond * OFFER_EVERY_MS) / 1000;
    let due = 0;
    const offering = setInterval(() => {
      for (due += perTick; due >= 1; due--) world.offerSession();
    }, OFFER_EVERY_MS);
    const replicas = await this.spawnAll();
    const pausedMs = await this.pauseOneAndKillAnother(replicas);
    await delay(GO_ON_MS);
    clearInterval(offering);
    const late = await world.allPaid(PAID_WITHIN_MS).catch((error: Error) => error.message);
    const exits = await Promise.all([replicas[0].stop(), replicas[2].stop()]);
    const ended = exits
      .filter(({ code }) => code !== 0)
      .map((exit) => `did not stop in order: ${JSON.stringify(exit)}`);
    return this.result(pausedMs, [...(typeof late === 'string' ? [late] : []), ...ended]);
  }

  private async spawnAll(): Promise<[ServiceProcess, ServiceProcess, ServiceProcess]> {
    const replicas = await Promise.all([this.spawn(0), this.spawn(1), this.spawn(2)]);
    await Promise.all(replicas.map((replica) => replica.waitReady(60_000)));
    this.step('three replicas are ready');
    return replicas;
  }

  private spawn(index: number): Promise<ServiceProcess> {
    const clock = this.clocks[index]!;
    return this.world.spawn({
      // known by it among those who ask hbf-core
      ...(index === 0 ? { CORE_URL: this.world.platform.core.server.url.replace('127.0.0.1', 'localhost') } : {}),
      ...(clock === 0 || !FAKETIME
        ? {}
        : { LD_PRELOAD: FAKETIME, FAKETIME: `${clock > 0 ? '+' : ''}${clock}s`, FAKETIME_DONT_FAKE_MONOTONIC: '1' }),
    });
  }

  private async pauseOneAndKillAnother([paused, killed]: readonly ServiceProcess[]): Promise<number> {
    const route = this.random.chance(0.5) ? COMPLETE : LIST;
    const ofPaused = ({ headers, query }: SimRequest) =>
      headers.host?.startsWith('localhost') === true && (route === COMPLETE || query.get('includeMessages') === 'true');
    await this.asked(route, this.random.integer(3, 12), ofPaused);
    await delay(this.random.integer(0, 30));
    process.kill(paused!.pid, 'SIGSTOP');
    const stoppedAt = performance.now();
    this.step(`the first is stopped, just after it asked ${route}`);
    await this.noteHeld();
    await delay(KILL_AFTER_MS - HELD_MS);
    await this.asked(COMPLETE, this.random.integer(1, 8), ({ headers }) => !headers.host?.startsWith('localhost'));
    await delay(this.random.integer(0, 200));
    await killed!.kill();
    this.step('the second is killed');
    await this.noteHeld();
    await delay(PAUSE_MS - (performance.now() - stoppedAt));
    process.kill(paused!.pid, 'SIGCONT');
    const pausedMs = Math.round(performance.now() - stoppedAt);
    this.step('the first goes on');
    return pausedMs;
  }

  /** Resolves when hbf-core is asked so for the nth time. */
  private asked(route: string, nth: number, when: (request: SimRequest) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const remove = this.world.platform.core.server.onBefore(route, (request) => {
        if (!when(request) || --nth > 0) return;
        remove();
        resolve();
      });
    });
  }

  private async noteHeld(): Promise<void> {
    const before = await this.holdings();
    await delay(HELD_MS);
    const after = await this.holdings();
    for (const [key, { debts, sessionId }] of before) {
      if (!after.has(key)) continue;
      if (sessionId) this.heldSessions.add(sessionId);
      for (const debt of debts) this.heldDebts.set(debt, (this.heldDebts.get(debt) ?? 0) + 1);
    }
  }

  /** What somebody holds now, by the lease or token that he holds it with. */
  private async holdings(): Promise<Map<string, { debts: string[]; sessionId?: string }>> {
    const result = new Map<string, { debts: string[]; sessionId?: string }>();
    for (const completion of await this.world.detected()) {
      const { sessionId, lease } = completion;
      result.set(`${sessionId} ${lease}`, { sessionId, debts: this.debts(completion) });
    }
    const claimed = { open: true, 'deliveries.token': { $exists: true } };
    for (const completion of await this.world.completions.find(claimed).toArray()) {
      const { sessionId, deliveries } = completion;
      for (const { destination, token } of deliveries) {
        if (token) result.set(`${sessionId} ${destination} ${token}`, { debts: this.debts(completion, destination) });
      }
    }
    return result;
  }

  private debts({ sessionId }: Completion, destination?: string): string[] {
    return [...this.world.ledger.debts.values()]
      .filter((debt) => debt.sessionId === sessionId && (!destination || debt.destination === destination))
      .map(({ who }) => debtKey(sessionId, who));
  }

  private async result(pausedMs: number, problems: string[]): Promise<ReplicaResult> {
    const { world } = this;
    const books = balance(world.ledger, await world.completions.find().toArray(), this.heldDebts);
    const { completedAgain, sessionIds, platform } = world;
    const { violations } = platform;
    const completedAgainWithoutCause = completedAgain.filter((id) => !this.heldSessions.has(id));
    const tooEarly = sessionIds.filter((id) => {
      const { at, lastInteraction } = platform.core.ledger.get(id) ?? { at: [Infinity], lastInteraction: 0 };
      return at[0]! - lastInteraction < THRESHOLD_SECONDS * 1000;
    });
    const list = (what: string, items: readonly string[]) =>
      items.length > 0 ? [`${items.length} ${what}: ${items.slice(0, 5).join(' | ')}`] : [];
    return {
      ...books,
      seed: this.options.seed,
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      sessions: sessionIds.length,
      pausedMs,
      heldSessions: this.heldSessions.size,
      heldDeliveries: this.heldDebts.size,
      completedAgain,
      completedAgainWithoutCause,
      tooEarly,
      clocks: this.clocks,
      violations,
      warnings: [...world.warnings],
      problems: [
        ...problems,
        ...list('debts that nobody heard of', books.missing),
        ...list('deliveries that are not delivered', books.dead),
        ...list('told to somebody to whom nothing is owed', books.strangers),
        ...list('repeated without a lease lost', books.withoutCause),
        ...list('under a wrong webhook-id', books.otherIds),
        ...list('completed twice without a lease lost', completedAgainWithoutCause),
        ...list('completed before their time', tooEarly),
        ...list('calls that no contract knows', violations),
      ],
    };
  }

  private step(line: string): void {
    this.options.onStep?.(`${Math.round((performance.now() - this.startedAt) / 1000)} s: ${line}`);
  }
}
