import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../support/random.js';
import { listed, nameOf } from '../world/arrivals.js';
import type { SimRequest } from '../world/platform/sim-request.js';
import type { ServiceProcess } from '../world/service/service-process.js';
import type { World } from '../world/world.js';
import { checkDeliveries, type DeliveryCheck, belongsTo, deliveryProblems } from './delivery-check.js';
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
 * first process **held** it when it was stopped or killed: an intent or a claim names it right then, and still does, under
 * the same lease or token, when the processes that run have long finished theirs (HELD_MS later).
 */
export interface ReplicaResult extends DeliveryCheck {
  seed: number;
  seconds: number;
  sessions: number;
  /** Milliseconds that the paused replica stood still. */
  pausedMs: number;
  /** Sessions, and deliveries, that were held by the paused and by the killed replica. */
  heldSessions: number;
  heldDeliveries: number;
  completedAgain: string[];
  /** Of these, the ones that neither replica held. */
  completedAgainWithoutCause: string[];
  /** hbf-core was asked to complete it before the tenant's threshold had passed: a replica went by a wrong clock. */
  tooEarly: string[];
  /** The replicas' clocks against the database's, seconds. */
  clocks: number[];
  violations: string[];
  warnings: [string, number][];
  /** Empty: all that was expected arrived, and each repetition has a cause. */
  problems: string[];
}

const LIST = 'GET /chat-sessions';
/** Longer than any lease: completions and claims have 16 s here. */
const PAUSE_MS = 65_000;
const KILL_AFTER_MS = 12_000;
const HELD_MS = 5_000;
const GO_ON_MS = 10_000;
const OFFER_EVERY_MS = 50;
const DELIVERED_WITHIN_MS = 180_000;
const FAKETIME = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib']
  .map((folder) => `${folder}/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

/** Whether the replicas can be given clocks that differ (Debian: apt-get install faketime). */
export const CLOCKS_CAN_DIFFER = FAKETIME !== undefined;

/** Three replicas on one database: one is paused for longer than every lease, another is killed meanwhile. */
export async function runReplicas(options: ReplicaOptions): Promise<ReplicaResult> {
  const random = new Random(options.seed);
  const { tenants, root } = options;
  const load = await CrashWorld.start({ random, tenants, ...(root ? { root } : {}) });
  try {
    return await new ReplicaRun(load, options, random).run();
  } finally {
    await load.world.stop();
  }
}

interface Holding {
  /** Names of pairs that may arrive again because of it. */
  pairs: string[];
  /** When the session itself is held, by an intent. */
  sessionId?: string;
}

class ReplicaRun {
  private readonly startedAt = performance.now();
  private readonly clocks = CLOCKS_CAN_DIFFER ? [0, 30, -30] : [0, 0, 0];
  private readonly heldSessions = new Set<string>();
  private readonly heldDeliveries = new Map<string, number>();

  private readonly world: World;

  constructor(
    private readonly load: CrashWorld,
    private readonly options: ReplicaOptions,
    private readonly random: Random,
  ) {
    this.world = load.world;
  }

  async run(): Promise<ReplicaResult> {
    const { world, load, options } = this;
    const perTick = (options.sessionsPerSecond * OFFER_EVERY_MS) / 1000;
    let due = 0;
    const offering = setInterval(() => {
      for (due += perTick; due >= 1; due--) load.offerSession();
    }, OFFER_EVERY_MS);
    const replicas = await this.spawnAll();
    const pausedMs = await this.pauseOneAndKillAnother(replicas);
    await delay(GO_ON_MS);
    clearInterval(offering);
    const late = await world.allDelivered(DELIVERED_WITHIN_MS).catch((error: Error) => error.message);
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
      INSTANCE_NAME: `replica-${index}`,
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
    for (const [key, { pairs, sessionId }] of before) {
      if (!after.has(key)) continue;
      if (sessionId) this.heldSessions.add(sessionId);
      for (const pair of pairs) this.heldDeliveries.set(pair, (this.heldDeliveries.get(pair) ?? 0) + 1);
    }
  }

  /** What replicas hold now, by the lease or token that they hold it with. */
  private async holdings(): Promise<Map<string, Holding>> {
    const result = new Map<string, Holding>();
    for (const { sessionId, lease } of await this.world.intended()) {
      result.set(`${sessionId} ${lease}`, { sessionId, pairs: this.pairsOf(sessionId) });
    }
    const claimed = { open: true, 'deliveries.token': { $exists: true } };
    for (const completion of await this.world.completions.find(claimed).toArray()) {
      const { sessionId, deliveries } = completion;
      for (const { destination, token } of deliveries) {
        if (token) result.set(`${sessionId} ${destination} ${token}`, { pairs: this.pairsOf(sessionId, destination) });
      }
    }
    return result;
  }

  /** @returns the names of the session's pairs, those of one delivery if its destination is given */
  private pairsOf(sessionId: string, ofDelivery?: string): string[] {
    return this.world.arrivals
      .destinationsOf(sessionId)
      .map((destination) => ({ sessionId, destination }))
      .filter((pair) => !ofDelivery || belongsTo(pair, ofDelivery))
      .map(nameOf);
  }

  private async result(pausedMs: number, problems: string[]): Promise<ReplicaResult> {
    const { world, load } = this;
    const check = checkDeliveries(world.arrivals, await world.completions.find().toArray(), this.heldDeliveries);
    const { completedAgain, sessionIds } = load;
    const { violations } = world.platform;
    const completedAgainWithoutCause = completedAgain.filter((id) => !this.heldSessions.has(id));
    const tooEarly = sessionIds.filter((id) => {
      const { at, lastInteraction } = world.platform.core.completed.get(id) ?? { at: [Infinity], lastInteraction: 0 };
      return at[0]! - lastInteraction < THRESHOLD_SECONDS * 1000;
    });
    return {
      ...check,
      seed: this.options.seed,
      seconds: Math.round((performance.now() - this.startedAt) / 1000),
      sessions: sessionIds.length,
      pausedMs,
      heldSessions: this.heldSessions.size,
      heldDeliveries: this.heldDeliveries.size,
      completedAgain,
      completedAgainWithoutCause,
      tooEarly,
      clocks: this.clocks,
      violations,
      warnings: [...world.installation.warnings],
      problems: [
        ...problems,
        ...deliveryProblems(check),
        ...listed('arrived again without a lease lost', check.withoutCause),
        ...listed('completed twice without a lease lost', completedAgainWithoutCause),
        ...listed('completed before their time', tooEarly),
        ...listed('calls that no contract knows', violations),
      ],
    };
  }

  private step(line: string): void {
    this.options.onStep?.(`${Math.round((performance.now() - this.startedAt) / 1000)} s: ${line}`);
  }
}
