import { endedSession } from '../../test/support/ended-session.js';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import mongoose, { type Connection } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { CompletionStore } from '../../test/support/completion-store.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { AttemptRunner } from '../deliveries/attempt-runner.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { CoreWitness } from '../platform/core/core-witness.js';
import { CoreCompletion } from '../sessions/core-completion.js';
import { ExpiryClock } from '../sessions/expiry-clock.js';
import { Quarantine } from '../sessions/quarantine.js';
import { Recovery } from '../sessions/recovery.js';
import { SessionCompleter } from '../sessions/session-completer.js';
import { stubOf } from '../../test/support/stub.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import {
  type Completion,
  completionOf,
  type IntentLease,
  plannedDeliveries,
  type PlannedCompletion,
} from './completion.js';
import type { CompletionRepository } from './completion.repository.js';
import type { Delivery } from './delivery.js';
import type { DestinationRepository } from './destination.repository.js';
import { DueAlarm } from './due-alarm.js';
import { DueTimesWriter } from './due-times.js';
import { IntentRepository } from './intent.repository.js';
import { type Intent, INTENT } from './intent.schema.js';
import { missingResult } from './missing.js';
import { OutcomeWriter } from './outcome-writer.js';
import { type DeliveryResult, settle } from './transitions.js';

const DESTINATIONS = ['flow:t1', 'webhook:1', 'webhook:2'] as const;
const SCHEDULE = [5_000, 60_000, 60_000, 60_000];
const TIMEOUTS_AT_MOST = 3;
const LEASE_MS = 10_000;
const DEAD_AFTER_CLAIMS = 6;
/** Long enough for every wait and lease. */
const LATER_MS = 100_000;
const HOUR_MS = 3_600_000;

jest.setTimeout(100_000); // a busy machine must not fail it

/** What a receiver does with one attempt. */
type Reaction = 'takes it' | 'fails' | 'times out' | 'is gone';

/** What hbf-core says of a session when its body is read: 404 counts only while hbf-core answers something else. */
type Knowledge = 'known' | 'missing' | 'uncounted';

interface Plan {
  sessions: number;
  /** Of each delivery, one after the other. */
  knowledge: Knowledge[];
  /** Of each session's deliveries, after these. */
  afterwards: ('known' | 'missing')[];
  reactions: Reaction[];
  /** After how many steps each process dies; the ones after the last one live on. */
  deaths: number[];
  /** How long nobody lives in between, in milliseconds; one after the other, and again. */
  pauses: number[];
  /** A second replica lives through it. */
  twins: boolean;
}

/** What is outside and survives: hbf-core, the receivers, the time. */
class World {
  now = Date.parse('2026-01-01T00:00:00Z');
  readonly completed = new Set<string>();
  readonly ended: string[];
  /** By `<session>/<destination>`: what was answered to each attempt that arrived. */
  readonly heard = new Map<string, Reaction[]>();
  /** By `<session>/<destination>`: what hbf-core said, and when. */
  readonly asked = new Map<string, { said: Knowledge; at: number }[]>();
  private nth = 0;

  constructor(private readonly plan: Plan) {
    this.ended = Array.from({ length: plan.sessions }, (_, n) => `s${n}`);
  }

  ask(session: string, destination: string): Knowledge {
    const key = `${session}/${destination}`;
    const before = this.asked.get(key) ?? [];
    const { knowledge, afterwards } = this.plan;
    const said = knowledge[before.length] ?? afterwards[this.ended.indexOf(session) % afterwards.length] ?? 'known';
    this.asked.set(key, [...before, { said, at: this.now }]);
    return said;
  }

  /** hbf-core said 6 times over 6 hours that it does not know the session, and nothing else in between. */
  isGone(session: string, destination: string): boolean {
    const asked = this.asked.get(`${session}/${destination}`) ?? [];
    const lastKnown = asked.findLastIndex(({ said }) => said === 'known');
    const counted = asked.slice(lastKnown + 1).filter(({ said }) => said === 'missing');
    return counted.length >= 6 && counted.at(-1)!.at - counted[0]!.at >= 6 * HOUR_MS;
  }

  receive(session: string, destination: string): Reaction {
    const key = `${session}/${destination}`;
    const reaction = this.plan.reactions[this.nth++ % this.plan.reactions.length]!;
    this.heard.set(key, [...(this.heard.get(key) ?? []), reaction]);
    return reaction;
  }
}

function outcomeOf(reaction: Reaction): AttemptOutcome {
  if (reaction === 'takes it') return { result: 'delivered', statusCode: 200, durationMs: 1 };
  const failed = { result: 'failed', message: 'no', durationMs: 1 } as const;
  if (reaction === 'times out') return { ...failed, code: 'timeout', retryable: true, timedOut: true };
  const gone = reaction === 'is gone';
  const statusCode = gone ? 410 : 503;
  const code = `http_${statusCode}`;
  return { ...failed, statusCode, code, retryable: !gone };
}

/**
 * One life of the service: it takes so many steps and is gone. A step is a call that leaves the process (database,
 * hbf-core, a receiver); after the last one each further call never comes back, as if the process had been killed.
 */
class Life {
  private readonly intents: IntentRepository;
  private readonly completions: CompletionRepository;
  private readonly destinations: DestinationRepository;
  private readonly writer: OutcomeWriter;
  private readonly recovery: Recovery;
  private died!: () => void;
  private readonly death = new Promise<'died'>((resolve) => (this.died = () => resolve('died')));

  constructor(
    private readonly world: World,
    connection: Connection,
    private steps: number,
  ) {
    const clock = stubOf(Clock, { now: () => world.now });
    const store = new CompletionStore(connection, clock);
    this.completions = this.mortal(store.completions);
    this.destinations = this.mortal(store.destinations);
    this.intents = this.mortal(new IntentRepository(connection.model<Intent>(INTENT), this.completions));
    const dueTimes = new DueTimesWriter(this.destinations, new DueAlarm(clock));
    this.writer = new OutcomeWriter(this.intents, this.completions, dueTimes, this.mortal(store.errors));
    const status = (id: string) => (world.completed.has(id) ? 'COMPLETED' : 'ACTIVE');
    const core = stubOf(CoreClient, {
      getSession: (id) =>
        this.step(() => readChatSession({ id, status: status(id), lastInteraction: '2025-12-31T00:00:00Z' })),
    });
    const completer = stubOf(SessionCompleter, { leaseMs: LEASE_MS, noteCompleted: () => undefined });
    const coreCompletion = stubOf(CoreCompletion, {
      complete: async (sessions) => {
        const completed = sessions.map(({ sessionId }) => sessionId);
        await this.tellCore(completed);
        return { completed: new Set(completed), refused: new Set(), unknown: new Set() };
      },
    });
    const nobody = [stubOf(AttemptRunner, {}), stubOf(IntegrationRepository, {})] as const; // no session is gone here
    const heartbeat = stubOf(Heartbeat, { token: () => randomUUID(), stillHolds: () => Promise.resolve(true) });
    this.recovery = new Recovery(
      testConfig(),
      clock,
      heartbeat,
      core,
      this.intents,
      completer,
      coreCompletion,
      this.writer,
      ...nobody,
      stubOf(ExpiryClock, { now: () => world.now }),
      stubOf(CoreWitness, {}),
      stubOf(Quarantine, { remove: () => undefined }),
    );
  }

  /** A session check and a round of the retry worker. @returns whether it lived to the end */
  async live(): Promise<boolean> {
    return (await Promise.race([this.work().then(() => 'lived'), this.death])) === 'lived';
  }

  private async work(): Promise<void> {
    await this.recovery.run();
    await this.check();
    await this.retry();
  }

  /** As SessionCompleter and FirstAttempts do it: written down, told to hbf-core, attempted, completed. */
  private async check(): Promise<void> {
    const lease = { lease: randomUUID(), leaseUntil: new Date(this.world.now + LEASE_MS) };
    const active = this.world.ended.filter((id) => !this.world.completed.has(id));
    const planned = active.map((id) => this.plan(id));
    if (planned.length === 0) return;
    const known = await this.intents.add(lease, planned);
    const fresh = planned.filter(({ _id }) => !known.has(_id));
    await this.tellCore(fresh.map(({ sessionId }) => sessionId));
    this.writer.expect(lease.lease, fresh.length);
    for (const one of fresh) await this.complete(one, lease);
  }

  private async complete(planned: PlannedCompletion, lease: IntentLease): Promise<void> {
    const deliveries: Delivery[] = [];
    for (const delivery of plannedDeliveries(planned, lease)) deliveries.push(await this.attempt(planned, delivery));
    this.writer.complete(completionOf(planned, new Date(this.world.now), deliveries), lease.lease);
    await this.writer.flush();
  }

  /** As RetryWorker does it: where there is work is read from the destinations, nowhere else. */
  private async retry(): Promise<void> {
    for (const destination of await this.destinations.withWork(new Date(this.world.now), 100)) {
      const token = randomUUID();
      const now = new Date(this.world.now);
      const claim = { token, now, until: new Date(this.world.now + LEASE_MS), limit: 2 };
      const claimed = await this.completions.claimDue(destination._id, claim, Math.random);
      for (const { completion, delivery } of claimed) {
        this.writer.settle(completion._id, token, await this.attempt(completion, delivery));
      }
      await this.writer.flush();
      if (claimed.length < claim.limit) {
        await this.destinations.setNextDue(destination, await this.completions.earliestDue(destination._id));
      }
    }
  }

  /** As AttemptRunner does it. */
  private async attempt({ sessionId }: { sessionId: string }, delivery: Delivery): Promise<Delivery> {
    const result = await this.resultOf(sessionId, delivery);
    return settle(delivery, result, { now: this.world.now, retryScheduleMs: SCHEDULE, random: Math.random });
  }

  private async resultOf(sessionId: string, delivery: Delivery): Promise<DeliveryResult> {
    const { claims, destination, missing } = delivery;
    if (claims > DEAD_AFTER_CLAIMS) return { result: 'impossible', code: 'no_outcome', message: 'claimed too often' };
    const said = await this.step(() => this.world.ask(sessionId, destination));
    if (said !== 'known') return missingResult('session', missing, said === 'missing', this.world.now);
    return outcomeOf(await this.step(() => this.world.receive(sessionId, destination)));
  }

  private async tellCore(ids: readonly string[]): Promise<Set<string>> {
    await this.step(() => ids.forEach((id) => this.world.completed.add(id)));
    return new Set();
  }

  private plan(id: string): PlannedCompletion {
    return { ...endedSession(id, new Date(0), { foundAt: new Date(this.world.now) }), destinations: DESTINATIONS };
  }

  private mortal<T extends object>(it: T): T {
    return new Proxy(it, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.step(() => Reflect.apply(value, target, args) as unknown);
      },
    });
  }

  /** Death comes before a call has an effect, or after it and before its caller hears of it. */
  private async step<T>(act: () => T): Promise<Awaited<T>> {
    if (this.steps-- <= 0) return this.die();
    const value = await act();
    return this.steps-- <= 0 ? this.die() : value;
  }

  private die(): Promise<never> {
    this.died();
    return new Promise(() => undefined);
  }
}

describe('the record of ended sessions, whenever the process ends', () => {
  let connection: Connection;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    const uri = testDatabaseUri('transitions-property');
    await dropDatabase(uri);
    await migrate(uri);
    connection = await mongoose.createConnection(uri).asPromise();
  });
  afterAll(async () => {
    Logger.overrideLogger(['log']);
    await connection.close();
  });

  const reaction = fc.oneof(
    { weight: 4, arbitrary: fc.constant<Reaction>('takes it') },
    { weight: 3, arbitrary: fc.constant<Reaction>('fails') },
    { weight: 2, arbitrary: fc.constant<Reaction>('times out') },
    { weight: 1, arbitrary: fc.constant<Reaction>('is gone') },
  );
  const known = { weight: 3, arbitrary: fc.constant<'known'>('known') };
  const missing = { weight: 2, arbitrary: fc.constant<'missing'>('missing') };
  const uncounted = { weight: 1, arbitrary: fc.constant<'uncounted'>('uncounted') };
  const plan: fc.Arbitrary<Plan> = fc.record({
    sessions: fc.integer({ min: 1, max: 4 }),
    knowledge: fc.array(fc.oneof(known, missing, uncounted), { maxLength: 12 }),
    afterwards: fc.array(fc.oneof(known, missing), { minLength: 1, maxLength: 3 }),
    reactions: fc.array(reaction, { minLength: 1, maxLength: 12 }),
    deaths: fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 6 }),
    // shorter and longer than the waits of the schedule and a lease
    pauses: fc.array(fc.constantFrom(1_000, 7_000, 20_000, LATER_MS), { minLength: 1, maxLength: 6 }),
    twins: fc.boolean(),
  });

  /** Lives and dies as planned, then lives until nothing is pending. @returns how it ended */
  async function play({ deaths, ...rest }: Plan): Promise<{ world: World; completions: Completion[]; deaths: number }> {
    const db = connection.db!;
    for (const name of ['intents', 'completions', 'destinations', 'integration-errors'])
      await db.collection(name).deleteMany({});
    const world = new World({ ...rest, deaths });
    let died = 0;
    for (const [nth, steps] of deaths.entries()) {
      const lives = [
        new Life(world, connection, steps),
        ...(rest.twins ? [new Life(world, connection, Infinity)] : []),
      ];
      died += (await Promise.all(lives.map((life) => life.live()))).filter((lived) => !lived).length;
      world.now += rest.pauses[nth % rest.pauses.length]!;
    }
    const completions = db.collection<Completion>('completions');
    const balanced = async () => (await completions.countDocuments({ open: false })) === world.ended.length;
    for (let round = 0; round < 40 && !(await balanced()); round++) {
      await new Life(world, connection, Infinity).live();
      world.now += round < 5 ? LATER_MS : HOUR_MS; // hbf-core is asked hourly for what it does not know
    }
    await new CompletionStore(connection).completions.closeLeftOpen();
    return { world, completions: await completions.find().toArray(), deaths: died };
  }

  function judge(world: World, completion: Completion, delivery: Delivery, deaths: number): void {
    const heard = world.heard.get(`${completion.sessionId}/${delivery.destination}`) ?? [];
    const taken = heard.filter((one) => one === 'takes it').length;
    expect(['delivered', 'dead']).toContain(delivery.state);
    if (delivery.state === 'delivered') expect(taken).toBeGreaterThan(0);
    if (delivery.state === 'dead') {
      const usedUp = delivery.attempts > SCHEDULE.length;
      const gone = world.isGone(completion.sessionId, delivery.destination);
      expect(delivery.lastError?.startsWith('session_gone') ?? false).toBe(gone && !usedUp);
      const unknown = delivery.timeouts === TIMEOUTS_AT_MOST;
      expect(delivery.reason === 'outcome unknown').toBe(unknown);
      expect(usedUp || gone || unknown || heard.includes('is gone') || delivery.claims > DEAD_AFTER_CLAIMS).toBe(true);
    }
    // the third one was the last: what more was heard, a death took the outcome of
    const timeouts = heard.filter((one) => one === 'times out').length;
    expect(timeouts).toBeLessThanOrEqual(TIMEOUTS_AT_MOST + deaths);
    expect(delivery.timeouts ?? 0).toBeLessThanOrEqual(Math.min(timeouts, TIMEOUTS_AT_MOST));
    expect([delivery.token, delivery.dueAt]).toEqual([undefined, undefined]);
    // an outcome counts once; what more was heard, a death took the outcome of
    expect(delivery.attempts).toBeLessThanOrEqual(heard.length);
    expect(heard.length - delivery.attempts).toBeLessThanOrEqual(deaths);
  }

  it('has every session completed, and every delivery delivered or dead; none is lost', async () => {
    let deathsInAll = 0;
    await fc.assert(
      fc.asyncProperty(plan, async (one) => {
        const { world, completions, deaths } = await play(one);
        deathsInAll += deaths;
        expect(completions.map(({ _id }) => _id).sort()).toEqual([...world.ended].sort());
        expect(world.completed.size).toBe(world.ended.length);
        for (const completion of completions) {
          expect(completion).toMatchObject({ open: false });
          expect(Object.keys(completion)).not.toContain('lease');
          expect(completion.deliveries.map(({ destination }) => destination)).toEqual([...DESTINATIONS]);
          for (const delivery of completion.deliveries) judge(world, completion, delivery, deaths);
        }
      }),
      { numRuns: 40, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
    );
    expect(deathsInAll).toBeGreaterThan(10);
  });

  it('loses nothing at any single step of a round', async () => {
    const reactions: Reaction[] = ['takes it', 'fails', 'takes it', 'times out', 'takes it', 'is gone'];
    let steps = 0;
    for (let lived = false; !lived; steps++) {
      const { world, completions, deaths } = await play({
        sessions: 2,
        knowledge: ['known', 'missing', 'uncounted'],
        afterwards: ['known', 'missing'],
        reactions,
        deaths: [steps],
        pauses: [7_000],
        twins: false,
      });
      lived = deaths === 0;
      expect(completions.map(({ _id, open }) => [_id, open])).toEqual(world.ended.map((id) => [id, false]));
      for (const completion of completions) {
        for (const delivery of completion.deliveries) judge(world, completion, delivery, deaths);
      }
    }
    expect(steps).toBeGreaterThan(20);
  });
});
