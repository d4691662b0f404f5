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
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { release } from '../completions/transitions.js';
import { Config } from '../config/config.js';
import { AttemptRunner } from '../deliveries/attempt-runner.js';
import { SessionGoneError } from '../deliveries/payload-source.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import { Clock } from '../persistence/clock.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { CoreClient } from '../platform/core/core.client.js';
import { isRetryable, PlatformError } from '../platform/platform-error.js';
import { decide } from './expiry-policy.js';
import { SessionCompleter } from './session-completer.js';

const CALLS_AT_ONCE = 8;

/** A session that hbf-core cannot show for this long is given up; its deliveries are dead. */
const UNREADABLE_AT_MOST_MS = 7 * 86_400_000;

type Finding = 'completed' | 'still-ended' | 'came-back' | 'gone' | 'unreadable';

/**
 * Goes on where a process went away between writing an intent and the first outcomes. hbf-core is asked what became of
 * the session: COMPLETED, its deliveries fall due; ACTIVE and still ended, it is completed now; ACTIVE again, the intent
 * is removed; unknown, its deliveries are dead. What was in flight is sent again under the same id.
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
    private readonly writer: OutcomeWriter,
    private readonly runner: AttemptRunner,
    private readonly integrations: IntegrationRepository,
  ) {}

  /**
   * @returns how many sessions were taken over
   * @throws PlatformError when hbf-core does not answer; the rest is taken up again when the lease has passed
   */
  async run(): Promise<number> {
    for (let recovered = 0; ;) {
      const now = this.clock.now();
      const lease = { lease: this.heartbeat.token(), leaseUntil: new Date(now + this.completer.leaseMs) };
      const abandoned = await this.intents.claimAbandoned(lease, new Date(now));
      if (abandoned.length === 0) return recovered;
      await this.recover(abandoned, lease);
      recovered += abandoned.length;
      this.logger.log({ sessions: abandoned.length }, 'recovery.finished');
    }
  }

  private async recover(abandoned: readonly PlannedCompletion[], lease: IntentLease): Promise<void> {
    const limit = pLimit(CALLS_AT_ONCE);
    const findings = await Promise.all(
      abandoned.map((planned) => limit(async () => ({ planned, finding: await this.finding(planned) }))),
    );
    const all = (finding: Finding) => findings.filter((one) => one.finding === finding).map(({ planned }) => planned);
    // A process that was paused acts on what is out of date: by now another has taken these over.
    if (lease.leaseUntil.getTime() <= this.clock.now() || !(await this.heartbeat.stillHolds(lease.lease))) return;
    const stillEnded = all('still-ended');
    const refused = await this.completer.tellCore(stillEnded.map(({ sessionId }) => sessionId));
    const told = stillEnded.filter(({ sessionId }) => !refused.has(sessionId));
    const untold = stillEnded.filter(({ sessionId }) => refused.has(sessionId));
    await this.intents.remove(
      lease.lease,
      [...all('came-back'), ...untold].map(({ _id }) => _id),
    );
    this.completer.noteCompleted(told);
    for (const planned of [...all('completed'), ...told]) this.makeDue(planned, lease);
    await this.kill(all('gone'), lease);
    await this.writer.flush();
  }

  /** One session that cannot be read stops neither the others nor the check; its lease passes, and it is tried again. */
  private async finding(planned: PlannedCompletion): Promise<Finding> {
    try {
      return await this.lookUp(planned);
    } catch (error) {
      if (isRetryable(error) || !(error instanceof PlatformError) || error.kind === 'unauthorized') throw error;
      const { sessionId, foundAt } = planned;
      this.logger.warn({ sessionId, reason: error.message }, 'recovery.session-unreadable');
      return this.clock.now() - foundAt.getTime() > UNREADABLE_AT_MOST_MS ? 'gone' : 'unreadable';
    }
  }

  private async lookUp({ sessionId, thresholdSeconds }: PlannedCompletion): Promise<Finding> {
    const session = await this.core.getSession(sessionId, { includeMessages: false });
    if (!session) return 'gone';
    if (session.status === 'COMPLETED') return 'completed';
    const { action } = decide(session, {
      now: this.clock.now(),
      threshold: { seconds: thresholdSeconds, rule: 'tenant-threshold' },
      liveChatMaxIdleMs: this.config.liveChatMaxIdleMs,
    });
    return action === 'complete' ? 'still-ended' : 'came-back';
  }

  private makeDue(planned: PlannedCompletion, lease: IntentLease): void {
    const now = new Date(this.clock.now());
    const deliveries = plannedDeliveries(planned, lease).map((delivery) => release(delivery, now));
    this.writer.complete(completionOf(planned, now, deliveries), lease.lease);
  }

  /** Its deliveries are dead letters, reported like any other: to the log, the metrics and the integrations' admins. */
  private async kill(gone: readonly PlannedCompletion[], lease: IntentLease): Promise<void> {
    if (gone.length === 0) return;
    const integrations = await this.integrationsOf(gone);
    const sessionGone = new SessionGoneError('session').result;
    for (const planned of gone) {
      const dead = (delivery: Delivery): Delivery => {
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
