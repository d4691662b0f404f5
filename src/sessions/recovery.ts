import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import {
  completionOf,
  type IntentLease,
  plannedDeliveries,
  type PlannedCompletion,
} from '../completions/completion.js';
import { type Delivery, integrationIdOf } from '../completions/delivery.js';
import { IntentRepository } from '../completions/intent.repository.js';
import { afterUnknown, type StillMissing } from '../completions/missing.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { release } from '../completions/transitions.js';
import { Config } from '../config/config.js';
import { AttemptRunner } from '../deliveries/attempt-runner.js';
import { SessionGoneError } from '../deliveries/payload-source.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { CoreClient } from '../platform/core/core.client.js';
import { CoreWitness } from '../platform/core/core-witness.js';
import { PlatformError } from '../platform/platform-error.js';
import { CoreCompletion } from './core-completion.js';
import { ExpiryClock } from './expiry-clock.js';
import { decide } from './expiry-policy.js';
import { Quarantine } from './quarantine.js';
import { SessionCompleter } from './session-completer.js';

const CALLS_AT_ONCE = 8;
/** Intents of which no session can be read, one after the other: hbf-core is away. */
const UNREADABLE_INTENTS = 3;

type Finding = 'completed' | 'still-ended' | 'came-back' | 'missing' | 'unreadable';

/**
 * Goes on where a process went away between writing an intent and the first outcomes. hbf-core is asked what became of
 * the session: COMPLETED, its deliveries fall due; ACTIVE and still ended, it is completed now; ACTIVE again, the intent
 * is removed; unknown, it is asked for again, and its deliveries are dead after hours of that. What was in flight is sent
 * again under the same id.
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger(Recovery.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly heartbeat: Heartbeat,
    private readonly core: CoreClient,
    private readonly intents: IntentRepository,
    private readonly completer: SessionCompleter,
    private readonly coreCompletion: CoreCompletion,
    private readonly writer: OutcomeWriter,
    private readonly runner: AttemptRunner,
    private readonly integrations: IntegrationRepository,
    private readonly expiryClock: ExpiryClock,
    private readonly witness: CoreWitness,
    private readonly quarantine: Quarantine,
  ) {}

  /**
   * Ends early where hbf-core shows no session of several intents, one after the other: it is away, and the rest is taken
   * up again later.
   *
   * @returns how many sessions were taken over
   * @throws PlatformError when hbf-core cannot be told
   */
  async run(): Promise<number> {
    for (let recovered = 0, unreadable = 0; ;) {
      const now = this.clock.now();
      const lease = { lease: this.heartbeat.token(), leaseUntil: new Date(now + this.completer.leaseMs) };
      const abandoned = await this.intents.claimAbandoned(lease, new Date(now));
      if (abandoned.length === 0) return recovered;
      const readable = await this.recover(abandoned, lease);
      unreadable = readable > 0 ? 0 : unreadable + 1;
      recovered += readable;
      this.logger.log({ sessions: readable, unreadable: abandoned.length - readable }, 'recovery.finished');
      if (unreadable === UNREADABLE_INTENTS) return recovered;
    }
  }

  /** @returns how many of the sessions hbf-core has shown, or does not know */
  private async recover(abandoned: readonly PlannedCompletion[], lease: IntentLease): Promise<number> {
    const limit = pLimit(CALLS_AT_ONCE);
    const findings = await Promise.all(
      abandoned.map((planned) => limit(async () => ({ planned, finding: await this.finding(planned) }))),
    );
    const all = (finding: Finding) => findings.filter((one) => one.finding === finding).map(({ planned }) => planned);
    // A process that was paused acts on what is out of date: by now another has taken these over.
    const readable = abandoned.length - all('unreadable').length;
    if (lease.leaseUntil.getTime() <= this.clock.now() || !(await this.heartbeat.stillHolds(lease.lease)))
      return readable;
    const told = await this.tell(all('still-ended'), lease.lease);
    await this.intents.remove(
      lease.lease,
      [...all('came-back'), ...told.refused].map(({ _id }) => _id),
    );
    this.completer.noteCompleted(told.completed);
    for (const planned of [...all('completed'), ...told.completed]) this.makeDue(planned, lease);
    await this.postponeOrKill(all('missing'), lease);
    await this.writer.flush();
    return readable;
  }

  /**
   * Tells hbf-core of sessions that are still ended. Those that it refuses and shows as ACTIVE are left to the session
   * check, which finds them again; those of which nobody knows keep their intent, and are asked for again.
   */
  private async tell(stillEnded: readonly PlannedCompletion[], lease: string) {
    const told = await this.coreCompletion.complete(stillEnded, { patched: true }, lease); // each was just shown
    return {
      completed: stillEnded.filter(({ sessionId }) => told.completed.has(sessionId)),
      refused: stillEnded.filter(({ sessionId }) => told.refused.has(sessionId)),
    };
  }

  /** One session that cannot be read stops neither the others nor the check; its lease passes, and it is tried again. */
  private async finding(planned: PlannedCompletion): Promise<Finding> {
    try {
      return await this.lookUp(planned);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      const { sessionId, tenantId } = planned;
      this.logger.warn({ sessionId, reason: error.message }, 'recovery.session-unreadable');
      if (error.kind === 'shape') this.quarantine.add(sessionId, tenantId, error.message);
      return 'unreadable';
    }
  }

  private async lookUp({ sessionId, tenantId, thresholdSeconds }: PlannedCompletion): Promise<Finding> {
    const session = await this.core.getSession(sessionId, { includeMessages: false, tenantId });
    if (!session) return 'missing';
    if (session.status === 'COMPLETED') return 'completed';
    const { action } = decide(session, {
      now: this.expiryClock.now(),
      threshold: { seconds: thresholdSeconds, rule: 'tenant-threshold' },
      liveChatMaxIdleMs: this.config.liveChatMaxIdleMs,
    });
    return action === 'complete' ? 'still-ended' : 'came-back';
  }

  private makeDue(planned: PlannedCompletion, lease: IntentLease): void {
    const now = new Date(this.clock.now());
    const deliveries = plannedDeliveries(planned, lease).map((one) =>
      one.state === 'pending' ? release(one, now) : one,
    );
    this.quarantine.remove(planned.sessionId);
    this.writer.complete(completionOf(planned, now, deliveries), lease.lease);
  }

  /** A single answer that hbf-core does not know a session decides nothing: it is asked again, later and later. */
  private async postponeOrKill(unknown: readonly PlannedCompletion[], lease: IntentLease): Promise<void> {
    const postponed = new Map<string, StillMissing>();
    const gone: PlannedCompletion[] = [];
    for (const planned of unknown) {
      const counts = await this.witness.answersOthers(planned.sessionId);
      const next = afterUnknown(planned.missing, counts, this.clock.now());
      if (next === 'gone') gone.push(planned);
      else postponed.set(planned._id, next);
    }
    await this.kill(gone, lease);
    await this.intents.postpone(lease.lease, postponed);
  }

  /** Its deliveries are dead letters, reported like any other: to the log, the metrics and the integrations' admins. */
  private async kill(gone: readonly PlannedCompletion[], lease: IntentLease): Promise<void> {
    if (gone.length === 0) return;
    const integrations = await this.integrationsOf(gone);
    const sessionGone = new SessionGoneError('session').result;
    for (const planned of gone) {
      const dead = (delivery: Delivery): Delivery => {
        if (delivery.state !== 'pending') return delivery;
        const integration = integrations.get(integrationIdOf(delivery.destination));
        return this.runner.close({ session: planned, delivery, integration }, sessionGone);
      };
      const deliveries = plannedDeliveries(planned, lease).map(dead);
      this.writer.complete(completionOf(planned, new Date(this.clock.now()), deliveries), lease.lease);
    }
  }

  private async integrationsOf(sessions: readonly PlannedCompletion[]) {
    const ids = new Set(sessions.flatMap(({ destinations }) => destinations.map(integrationIdOf)));
    const found = await this.integrations.findByIds([...ids].filter((id) => id !== undefined));
    return new Map(found.map((integration) => [integration.id as number | undefined, integration]));
  }
}
