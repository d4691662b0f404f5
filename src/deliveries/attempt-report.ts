import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../persistence/clock.js';
import type { Attempt } from './channels/delivery-channel.js';
import type { Delivery } from './completion.js';
import { type AttemptedDelivery, DeliveryEvents } from './delivery-events.js';
import type { IntegrationError } from './integration-error.repository.js';
import { IntegrationHealth } from './integration-health.js';
import { OutcomeWriter } from './outcome-writer.js';
import type { DeliveryResult } from './settlement.js';

type Failure = Extract<DeliveryResult, { result: 'failed' | 'impossible' }>;

/** Tells everybody who wants to know what came of an attempt: the log, the metrics, the integration's admins. */
@Injectable()
export class AttemptReport {
  private readonly logger = new Logger(AttemptReport.name);

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly writer: OutcomeWriter,
    private readonly events: DeliveryEvents,
    private readonly integrationHealth: IntegrationHealth,
  ) {}

  /** @param settled the delivery as it stands after `result` */
  of(attempt: Attempt, result: DeliveryResult, settled: Delivery): void {
    const counted = this.count(attempt, result, settled);
    this.events.onAttempted(counted);
    if (this.config.logsInfo) this.log(attempt, result, settled, counted);
    if (settled.integrationId === undefined) return;
    if (result.result === 'failed' || result.result === 'impossible') {
      this.writer.addError(integrationError(attempt, result, settled));
    }
    if (attempt.integration) this.integrationHealth.note(attempt.integration, result, settled);
  }

  private count({ completion }: Attempt, result: DeliveryResult, settled: Delivery): AttemptedDelivery {
    const counted: AttemptedDelivery = { channel: settled.channel, result: result.result, state: settled.state };
    if ('durationMs' in result) counted.durationMs = Math.round(result.durationMs);
    const firstTime = settled.state === 'delivered' && settled.retriedFrom === undefined;
    if (firstTime && completion.completedAt)
      counted.latencyMs = Math.max(0, this.clock.now() - completion.completedAt.getTime());
    return counted;
  }

  /** The one wide line of an attempt: what was sent where, what came of it, and what happens next. */
  private log({ completion }: Attempt, result: DeliveryResult, settled: Delivery, counted: AttemptedDelivery): void {
    const facts = {
      sessionId: completion.sessionId,
      tenantId: completion.tenantId,
      organizationId: completion.organizationId,
      destination: settled.destination,
      channel: settled.channel,
      attempt: settled.attempts,
      result: result.result,
      state: settled.state,
      statusCode: 'statusCode' in result ? result.statusCode : undefined,
      durationMs: counted.durationMs,
      latencyMs: counted.latencyMs,
      nextAttemptAt: settled.dueAt,
      ...('code' in result ? { code: result.code, reason: result.message } : { reason: settled.reason }),
    };
    this.logger.log(facts, 'delivery.attempted');
  }
}

function integrationError({ completion }: Attempt, result: Failure, settled: Delivery): IntegrationError {
  // What was impossible spent no attempt: under the last one's id alone it would pass for a repetition of that.
  const attempt = result.result === 'impossible' ? `${settled.attempts}/${result.code}` : settled.attempts;
  const statusCode = 'statusCode' in result ? result.statusCode : undefined;
  return {
    _id: `${completion._id}/${settled.destination}/${attempt}`,
    integrationId: settled.integrationId!,
    organizationId: completion.organizationId,
    sessionId: completion.sessionId,
    tenantId: completion.tenantId,
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
