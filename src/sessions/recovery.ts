import { Injectable, Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { Config } from '../config/config.js';
import type { Completion, Delivery } from '../deliveries/completion.js';
import { DetectionRepository } from '../deliveries/detection.repository.js';
import { DeliveryEvents } from '../deliveries/delivery-events.js';
import { OutcomeWriter } from '../deliveries/outcome-writer.js';
import { Clock } from '../persistence/clock.js';
import { CoreClient } from '../platform/core/core.client.js';
import { isRetryable, PlatformError } from '../platform/platform-error.js';
import { decide } from './expiry-policy.js';
import { SessionCompleter } from './session-completer.js';

/** Of detected sessions, taken over together. */
const PAGES = 1;
const AT_ONCE = 8;

/** A session that hbf-core cannot show for this long is given up; what is owed for it is dead. */
const UNREADABLE_AT_MOST_MS = 7 * 86_400_000;

type Finding = 'completed' | 'still-ended' | 'came-back' | 'gone' | 'unreadable';

/**
 * Goes on where a process went away between writing down what is owed and the first outcomes. hbf-core is asked what
 * became of the session: COMPLETED, its deliveries fall due; ACTIVE and still ended, it is completed now; ACTIVE again,
 * the completion is taken back; unknown, its deliveries are dead. What was in flight is sent again under the same id.
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger(Recovery.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly core: CoreClient,
    private readonly detections: DetectionRepository,
    private readonly completer: SessionCompleter,
    private readonly writer: OutcomeWriter,
    private readonly events: DeliveryEvents,
  ) {}

  /**
   * @returns how many sessions were taken over
   * @throws PlatformError when hbf-core does not answer; the rest is taken up again when the lease has passed
   */
  async run(): Promise<number> {
    for (let recovered = 0; ;) {
      const lease = randomUUID();
      const now = this.clock.now();
      const until = new Date(now + this.completer.leaseMs);
      const abandoned = await this.detections.claimAbandoned(lease, new Date(now), until, PAGES);
      if (abandoned.length === 0) return recovered;
      await this.recover(abandoned);
      recovered += abandoned.length;
      this.logger.log({ sessions: abandoned.length }, 'recovery.finished');
    }
  }

  private async recover(abandoned: readonly Completion[]): Promise<void> {
    const limit = pLimit(AT_ONCE);
    const findings = await Promise.all(
      abandoned.map((completion) => limit(async () => ({ completion, finding: await this.finding(completion) }))),
    );
    const all = (finding: Finding) => findings.filter((one) => one.finding === finding).map((one) => one.completion);
    // A process that was paused goes by what is out of date: by now another has taken these over.
    if (abandoned.some(({ leaseUntil }) => leaseUntil!.getTime() <= this.clock.now())) return;
    const refused = await this.completer.tellCore(all('still-ended').map(({ sessionId }) => sessionId));
    const takeBack = [...all('came-back'), ...all('still-ended').filter(({ sessionId }) => refused.has(sessionId))];
    await this.detections.remove(takeBack);
    this.completer.noteCompleted(all('still-ended').filter(({ sessionId }) => !refused.has(sessionId)));
    for (const completion of [...all('completed'), ...all('still-ended')]) {
      if (!refused.has(completion.sessionId)) this.handOver(completion, (delivery) => this.due(delivery));
    }
    for (const completion of all('gone')) this.handOver(completion, (delivery) => this.dead(delivery));
    await this.writer.flush();
  }

  /** One session that cannot be read stops neither the others nor the check; its lease passes, and it is tried again. */
  private async finding(completion: Completion): Promise<Finding> {
    try {
      return await this.lookUp(completion);
    } catch (error) {
      if (isRetryable(error) || !(error instanceof PlatformError) || error.kind === 'unauthorized') throw error;
      const { sessionId, detectedAt } = completion;
      this.logger.warn({ sessionId, reason: error.message }, 'recovery.session-unreadable');
      return this.clock.now() - detectedAt.getTime() > UNREADABLE_AT_MOST_MS ? 'gone' : 'unreadable';
    }
  }

  private async lookUp(completion: Completion): Promise<Finding> {
    const session = await this.core.getSession(completion.sessionId, { includeMessages: false });
    if (!session) return 'gone';
    if (session.status === 'COMPLETED') return 'completed';
    const { action } = decide(session, {
      now: this.clock.now(),
      threshold: { seconds: completion.thresholdSeconds, rule: 'tenant-threshold' },
      liveChatMaxIdleMs: this.config.liveChatMaxIdleMs,
    });
    return action === 'complete' ? 'still-ended' : 'came-back';
  }

  private handOver(completion: Completion, change: (delivery: Delivery) => Delivery): void {
    this.writer.handOver(completion, completion.deliveries.map(change), new Date(this.clock.now()));
  }

  private due(delivery: Delivery): Delivery {
    return { ...delivery, dueAt: new Date(this.clock.now()) };
  }

  private dead(delivery: Delivery): Delivery {
    this.events.onAttempted({ channel: delivery.channel, result: 'impossible', state: 'dead' });
    const reason = 'hbf-core does not know the session any more';
    return { ...delivery, state: 'dead', at: new Date(this.clock.now()), reason, lastError: `session_gone: ${reason}` };
  }
}
