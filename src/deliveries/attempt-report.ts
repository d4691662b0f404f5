import { Injectable, Logger } from '@nestjs/common';
import { channelOf, type Delivery, integrationIdOf } from '../completions/delivery.js';
import type { IntegrationError } from '../completions/integration-error.schema.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import type { DeliveryResult } from '../completions/transitions.js';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import type { ClaimedAttempt } from './channels/delivery-channel.js';
import { DeadDeliveryAlerts } from './dead-delivery-alerts.js';
import { type AttemptedDelivery, DeliveryEvents } from './delivery-events.js';
import { IntegrationHealth } from './integration-health.js';

type Failure = Extract<DeliveryResult, { result: 'failed' | 'impossible' }>;

/** Reports what came of a claimed delivery to the log, the metrics and the integration's admins. */
@Injectable()
export class AttemptReport {
  private readonly logger = new Logger(AttemptReport.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly writer: OutcomeWriter,
    private readonly events: DeliveryEvents,
    private readonly integrationHealth: IntegrationHealth,
    private readonly deadAlerts: DeadDeliveryAlerts,
  ) {}

  /** @param settled the delivery as it stands after `result` */
  of(attempt: ClaimedAttempt, result: DeliveryResult, settled: Delivery): void {
    const counted = this.count(attempt, result, settled);
    this.events.onAttempted(counted);
    const integrationId = integrationIdOf(settled.destination);
    // of a webhook's the customer is told; of the platform's own services nobody but the operators can be
    const diedForOperators = integrationId === undefined && settled.state === 'dead';
    if (diedForOperators) this.logger.warn(this.facts(attempt, result, settled, counted), 'delivery.attempted');
    else if (this.config.logsInfo) this.logger.log(this.facts(attempt, result, settled, counted), 'delivery.attempted');
    if (diedForOperators) this.deadAlerts.note(attempt.session, settled);
    if (integrationId === undefined) return;
    if (result.result === 'failed' || result.result === 'impossible') {
      this.writer.addError(integrationError(attempt, integrationId, result, settled));
    }
    if (attempt.integration) this.integrationHealth.note(attempt.integration, result, settled);
  }

  private count({ session }: ClaimedAttempt, result: DeliveryResult, settled: Delivery): AttemptedDelivery {
    const { destination, state, retriedFrom } = settled;
    const firstTime = state === 'delivered' && retriedFrom === undefined && session.completedAt !== undefined;
    return {
      channel: channelOf(destination),
      result: result.result,
      state,
      redelivered: retriedFrom !== undefined,
      durationMs: 'durationMs' in result ? Math.round(result.durationMs) : undefined,
      latencyMs: firstTime ? Math.max(0, this.clock.now() - session.completedAt!.getTime()) : undefined,
    };
  }

  /** The one wide line of an attempt: what was sent where, what came of it, and what happens next. */
  private facts(
    { session }: ClaimedAttempt,
    result: DeliveryResult,
    settled: Delivery,
    counted: AttemptedDelivery,
  ): object {
    return {
      sessionId: session.sessionId,
      tenantId: session.tenantId,
      organizationId: session.organizationId,
      destination: settled.destination,
      channel: counted.channel,
      attempt: settled.attempts,
      result: result.result,
      state: settled.state,
      statusCode: 'statusCode' in result ? result.statusCode : undefined,
      durationMs: counted.durationMs,
      latencyMs: counted.latencyMs,
      nextAttemptAt: settled.dueAt,
      missing: settled.missing,
      ...('code' in result ? { code: result.code, reason: result.message } : { reason: settled.reason }),
      ...(settled.state === 'dead' && { deadBecause: settled.reason }),
    };
  }
}

function integrationError(
  { session }: ClaimedAttempt,
  integrationId: number,
  result: Failure,
  settled: Delivery,
): IntegrationError {
  // What was impossible spent no attempt: under the last attempt's id alone it would pass for a repetition of that.
  const attempt = result.result === 'impossible' ? `${settled.attempts}/${result.code}` : settled.attempts;
  const statusCode = 'statusCode' in result ? result.statusCode : undefined;
  return {
    _id: `${session._id}/${settled.destination}/${attempt}`,
    integrationId,
    organizationId: session.organizationId,
    sessionId: session.sessionId,
    tenantId: session.tenantId,
    attempt: settled.attempts,
    at: settled.at!,
    ...(statusCode === undefined ? {} : { statusCode }),
    code: result.code,
    message: result.message.slice(0, 300),
    durationMs: 'durationMs' in result ? Math.round(result.durationMs) : 0,
    ...(settled.dueAt ? { nextAttemptAt: settled.dueAt } : {}),
    dead: settled.state === 'dead',
  };
}
