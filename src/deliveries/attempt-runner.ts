import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import { isRetryable, PlatformError } from '../platform/platform-error.js';
import { isTracing, traced } from '../tracing/tracing.js';
import { AnalysisChannel } from './channels/analysis.channel.js';
import type { Attempt, DeliveryChannel } from './channels/delivery-channel.js';
import { FlowTriggerChannel } from './channels/flow-trigger.channel.js';
import { SurveyTriggerChannel } from './channels/survey-trigger.channel.js';
import { WebhookChannel } from './channels/webhook.channel.js';
import { AttemptReport } from './attempt-report.js';
import { CircuitBoard } from './circuit-board.js';
import type { Channel, Delivery } from './completion.js';
import { SessionGoneError } from './session-material.js';
import { type DeliveryResult, giveBack, settle } from './settlement.js';

/** Claims without an outcome after which a delivery runs with nothing beside it. */
const ALONE_AFTER = 2;
/** Runs with nothing beside it, each of them ended by the end of the process, after which it is dead. */
const DEAD_AFTER_ALONE = 4;
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
    private readonly report: AttemptReport,
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
    // It waited in memory for so long that its lease could end in mid-send: somebody else would send it too.
    if (attempt.deadline - Date.now() < this.longestAttemptMs) return giveBack(delivery, this.clock.now());
    const result = killsItsWorker(delivery) ?? (await (isTracing() ? this.traced(attempt) : this.attempt(attempt)));
    this.circuits.note(delivery.destination, result);
    const settled = settle(delivery, result, {
      now: this.clock.now(),
      retryScheduleMs: this.config.retryScheduleMs,
      random: Math.random,
    });
    this.report.of(attempt, result, settled);
    return settled;
  }

  private attempt(attempt: Attempt): Promise<DeliveryResult> {
    const channel = this.channels[attempt.delivery.channel];
    return channel.attempt(attempt).catch((error: unknown) => this.couldNotPrepare(attempt, error));
  }

  private traced(attempt: Attempt): Promise<DeliveryResult> {
    const { completion, delivery } = attempt;
    const attributes = () => ({
      'hbf.channel': delivery.channel,
      'hbf.destination': delivery.destination,
      'hbf.session.id': completion.sessionId,
      'hbf.tenant.id': completion.tenantId,
      'hbf.attempt': delivery.attempts + 1,
    });
    return traced({ name: 'delivery', attributes }, async (note) => {
      const result = await this.attempt(attempt);
      note(() => ({ 'hbf.result': result.result, ...('code' in result ? { 'hbf.code': result.code } : {}) }));
      return result;
    });
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
}

/**
 * It is not attempted again: each time it ran with nothing beside it, the process ended first. Claims alone prove
 * nothing: what waited in memory beside a culprit was claimed too.
 */
function killsItsWorker({ claims, aloneRuns = 0 }: Delivery): DeliveryResult | undefined {
  if (aloneRuns < DEAD_AFTER_ALONE) return undefined;
  const message = `claimed ${claims - 1} times without an outcome: each time the process ended first`;
  return { result: 'impossible', code: 'no_outcome', message };
}
