import { Injectable, Logger } from '@nestjs/common';
import { type Channel, channelOf, type Delivery } from '../completions/delivery.js';
import { missingResult } from '../completions/missing.js';
import { type DeliveryResult, giveBack, settle } from '../completions/transitions.js';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { CoreWitness } from '../platform/core/core-witness.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { isRetryable, PlatformError } from '../platform/platform-error.js';
import { traced } from '../tracing/tracing.js';
import { AttemptReport } from './attempt-report.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import type { Attempt, ClaimedAttempt, DeliveryChannel } from './channels/delivery-channel.js';
import { FlowChannel } from './channels/flow.channel.js';
import { SurveysChannel } from './channels/surveys.channel.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { Circuits } from './dispatch/circuits.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { SessionGoneError } from './payload-source.js';
import { poisonResult } from './poison.js';

const PREPARE_AGAIN_MS = 30_000;
/** What could not be prepared for this long is dead: the retry schedule counts attempts, and there was none. */
const PREPARE_AT_MOST_MS = 7 * 86_400_000;

/** Makes one attempt and says what the delivery looks like afterwards. The caller writes that down. */
@Injectable()
export class AttemptRunner {
  private readonly logger = new Logger(AttemptRunner.name);
  private readonly channels: Record<Channel, DeliveryChannel>;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly heartbeat: Heartbeat,
    private readonly circuits: Circuits,
    private readonly dispatcher: Dispatcher,
    private readonly report: AttemptReport,
    private readonly witness: CoreWitness,
    flow: FlowChannel,
    surveys: SurveysChannel,
    analysis: AnalysisChannel,
    webhook: WebhookChannel,
  ) {
    this.channels = { flow, surveys, analysis, webhook };
  }

  /** Never rejects. @returns the delivery after its outcome; given back where its lease leaves no time for it, or has passed */
  async run(attempt: Attempt): Promise<Delivery> {
    const { delivery, leaseUntil } = attempt;
    const startedAt = Date.now();
    // It waited in memory for so long that its lease could end in mid-send: another process would send it too.
    if (leaseUntil.getTime() - this.clock.now() < this.config.longestAttemptMs) return this.giveBack(delivery);
    // Others may have freed the claim. If so, what is given back is written nowhere: the token is not in force any more.
    const { heartbeat } = this;
    const holds = heartbeat.holdsBy(delivery.token) || (await heartbeat.stillHolds(delivery.token));
    if (!holds) return this.giveBack(delivery);
    const result = poisonResult(delivery) ?? (await this.traced(attempt));
    this.dispatcher.note(delivery.destination, result, startedAt);
    return this.close(attempt, result);
  }

  /** The delivery handed back unattempted. If it was to be its destination's probe, another one may go. */
  giveBack(delivery: Delivery): Delivery {
    this.circuits.releaseProbe(delivery.destination);
    return giveBack(delivery, this.clock.now());
  }

  /** Settles a delivery by its result, and reports it. */
  close(attempt: ClaimedAttempt, result: DeliveryResult): Delivery {
    const settled = settle(attempt.delivery, result, {
      now: this.clock.now(),
      retryScheduleMs: this.config.retryScheduleMs,
      random: Math.random,
    });
    this.report.of(attempt, result, settled);
    return settled;
  }

  private traced(attempt: Attempt): Promise<DeliveryResult> {
    const { session, delivery } = attempt;
    const attributes = () => ({
      'hbf.channel': channelOf(delivery.destination),
      'hbf.destination': delivery.destination,
      'hbf.session.id': session.sessionId,
      'hbf.tenant.id': session.tenantId,
      'hbf.attempt': delivery.attempts + 1,
    });
    return traced({ name: 'delivery', attributes }, async (note) => {
      const channel = this.channels[channelOf(delivery.destination)];
      const result = await channel.attempt(attempt).catch((error: unknown) => this.couldNotPrepare(attempt, error));
      note(() => ({ 'hbf.result': result.result, ...('code' in result ? { 'hbf.code': result.code } : {}) }));
      return result;
    });
  }

  /** Nothing was sent: the destination is not to blame, and no attempt is spent. */
  private async couldNotPrepare({ session, delivery }: Attempt, error: unknown): Promise<DeliveryResult> {
    if (error instanceof SessionGoneError) {
      const counts = await this.witness.answersOthers(session.sessionId);
      return missingResult(error.what, delivery.missing, counts, this.clock.now());
    }
    const code = error instanceof PlatformError ? error.code : 'could_not_prepare';
    const message = error instanceof PlatformError ? error.message : 'an error of this service, see its log';
    const begunAt = delivery.redeliveries?.at(-1)?.at ?? session.foundAt;
    if (this.clock.now() - begunAt.getTime() > PREPARE_AT_MOST_MS) {
      return { result: 'impossible', code, message: `could not be prepared for 7 days: ${message}` };
    }
    if (!isRetryable(error)) {
      const facts = { sessionId: session.sessionId, destination: delivery.destination, err: error };
      this.logger.error(facts, 'delivery.not-prepared');
    }
    return { result: 'postponed', code, message, delayMs: PREPARE_AGAIN_MS * (0.8 + 0.4 * Math.random()) };
  }
}
