import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { isRetryable, PlatformError } from '../platform/platform-error.js';
import { traced } from '../tracing/tracing.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import type { Attempt, DeliveryChannel } from './channels/delivery-channel.js';
import { FlowTriggerChannel } from './channels/flow-trigger.channel.js';
import { SurveyTriggerChannel } from './channels/survey-trigger.channel.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { CircuitBoard } from './circuit-board.js';
import type { Channel, Delivery } from './completion.js';
import { type AttemptedDelivery, DeliveryEvents } from './delivery-events.js';
import { IntegrationHealth } from './integration-health.js';
import { OutcomeWriter } from './outcome-writer.js';
import { SessionGoneError } from './session-material.js';
import { deadByClaims, type DeliveryResult, giveBack, settle } from './settlement.js';

/** Claims without an outcome after which a delivery runs with nothing beside it. */
const ALONE_AFTER = 2;
/** Claims without an outcome after which it is dead. */
const DEAD_AFTER = 6;
const PREPARE_AGAIN_MS = 30_000;
/** What could not even be prepared for this long is dead: no schedule would ever end it. */
const PREPARE_AT_MOST_MS = 7 * 86_400_000;

/** Whether a delivery, as just claimed, has taken its worker down before and must run with nothing beside it. */
export function mustRunAlone(delivery: Delivery): boolean {
  return delivery.claims - 1 >= ALONE_AFTER;
}

/** Makes one attempt and says what the delivery looks like afterwards. The caller writes that down. */
@Injectable()
export class AttemptRunner {
  private readonly logger = new Logger(AttemptRunner.name);
  private readonly channels: Record<Channel, DeliveryChannel>;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly circuits: CircuitBoard,
    private readonly integrationHealth: IntegrationHealth,
    private readonly writer: OutcomeWriter,
    private readonly events: DeliveryEvents,
    flow: FlowTriggerChannel,
    surveys: SurveyTriggerChannel,
    analysis: AnalysisChannel,
    webhook: WebhookChannel,
  ) {
    this.channels = { 'flow-trigger': flow, 'survey-trigger': surveys, analysis, webhook };
  }

  /** What one attempt may take at most, preparation included. A lease must leave this much when it starts. */
  get longestAttemptMs(): number {
    return this.config.webhookTimeoutMs + 2 * this.config.requestTimeoutMs;
  }

  /** Never rejects. */
  async run(attempt: Attempt): Promise<Delivery> {
    const { delivery } = attempt;
    if (delivery.claims - 1 >= DEAD_AFTER) return this.abandon(attempt);
    // It waited in memory for so long that its lease could end in mid-send: somebody else would send it too.
    if (attempt.deadline - Date.now() < this.longestAttemptMs) return giveBack(delivery, this.clock.now());
    const result = await this.tracedAttempt(attempt);
    this.circuits.note(delivery.destination, result);
    const settled = settle(delivery, result, {
      now: this.clock.now(),
      retryScheduleMs: this.config.retryScheduleMs,
      random: Math.random,
    });
    this.report(attempt, result, settled);
    if (attempt.integration) this.integrationHealth.note(attempt.integration, result, settled);
    return settled;
  }

  private abandon({ completion, delivery }: Attempt): Delivery {
    const dead = deadByClaims(delivery, this.clock.now());
    const { channel, destination, state, reason } = dead;
    const { sessionId, tenantId, organizationId } = completion;
    this.events.onAttempted({ channel, result: 'abandoned', state });
    const facts = { sessionId, tenantId, organizationId, destination, channel, claims: delivery.claims - 1, reason };
    this.logger.error(facts, 'delivery.abandoned');
    return dead;
  }

  private tracedAttempt(attempt: Attempt): Promise<DeliveryResult> {
    const { completion, delivery } = attempt;
    const attributes = {
      'hbf.channel': delivery.channel,
      'hbf.destination': delivery.destination,
      'hbf.session.id': completion.sessionId,
      'hbf.tenant.id': completion.tenantId,
      'hbf.attempt': delivery.attempts + 1,
    };
    return traced({ name: 'delivery', attributes }, async (note) => {
      const result = await this.attempt(attempt);
      note({ 'hbf.result': result.result, ...('code' in result ? { 'hbf.code': result.code } : {}) });
      return result;
    });
  }

  private async attempt(attempt: Attempt): Promise<DeliveryResult> {
    try {
      return await this.channels[attempt.delivery.channel].attempt(attempt);
    } catch (error) {
      return this.couldNotPrepare(attempt, error);
    }
  }

  /** Nothing was sent: the destination is not to blame, and no attempt is spent. */
  private couldNotPrepare({ completion, delivery }: Attempt, error: unknown): DeliveryResult {
    if (error instanceof SessionGoneError) {
      return { result: 'impossible', code: 'session_gone', message: error.message };
    }
    const code = error instanceof PlatformError ? error.code : 'could_not_prepare';
    const message = error instanceof PlatformError ? error.message : 'an error of this service, see its log';
    if (this.clock.now() - completion.detectedAt.getTime() > PREPARE_AT_MOST_MS) {
      return { result: 'impossible', code, message: `could not be prepared for 7 days: ${message}` };
    }
    if (!isRetryable(error)) {
      const facts = { sessionId: completion.sessionId, destination: delivery.destination, err: error };
      this.logger.error(facts, 'delivery.not-prepared');
    }
    return { result: 'postponed', code, message, delayMs: PREPARE_AGAIN_MS * (0.8 + 0.4 * Math.random()) };
  }

  private report({ completion, delivery }: Attempt, result: DeliveryResult, settled: Delivery): void {
    const { sessionId, tenantId, organizationId } = completion;
    const failure = 'code' in result ? { code: result.code, reason: result.message } : { reason: settled.reason };
    const counted = this.count(completion, result, settled);
    const facts = {
      sessionId,
      tenantId,
      organizationId,
      destination: delivery.destination,
      channel: delivery.channel,
      attempt: settled.attempts,
      result: result.result,
      state: settled.state,
      statusCode: 'statusCode' in result ? result.statusCode : undefined,
      durationMs: counted.durationMs,
      latencyMs: counted.latencyMs,
      nextAttemptAt: settled.dueAt,
      ...failure,
    };
    this.logger.log(facts, 'delivery.attempted');
    const failed = result.result === 'failed' || result.result === 'impossible';
    if (!failed || delivery.integrationId === undefined) return;
    // What was impossible spent no attempt: under the last one's id alone it would pass for a repetition of that.
    const attempt = result.result === 'impossible' ? `${settled.attempts}/${result.code}` : settled.attempts;
    this.writer.addError({
      _id: `${completion._id}/${delivery.destination}/${attempt}`,
      integrationId: delivery.integrationId,
      organizationId,
      sessionId,
      tenantId,
      attempt: settled.attempts,
      at: settled.at!,
      ...(facts.statusCode === undefined ? {} : { statusCode: facts.statusCode }),
      code: result.code,
      message: result.message.slice(0, 300),
      durationMs: facts.durationMs ?? 0,
      ...(settled.dueAt ? { nextAttemptAt: settled.dueAt } : {}),
      dead: settled.state === 'dead',
    });
  }
  private count(completion: Attempt['completion'], result: DeliveryResult, settled: Delivery): AttemptedDelivery {
    const firstTime = settled.state === 'delivered' && settled.retriedFrom === undefined;
    const counted: AttemptedDelivery = {
      channel: settled.channel,
      result: result.result,
      state: settled.state,
      ...('durationMs' in result ? { durationMs: Math.round(result.durationMs) } : {}),
      ...(firstTime && completion.completedAt
        ? { latencyMs: Math.max(0, this.clock.now() - completion.completedAt.getTime()) }
        : {}),
    };
    this.events.onAttempted(counted);
    return counted;
  }
}
