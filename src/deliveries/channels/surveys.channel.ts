import { Injectable } from '@nestjs/common';
import { Clock } from '../../persistence/clock.js';
import { CoreClient } from '../../platform/core/core.client.js';
import type { Survey } from '../../platform/core/survey.dto.js';
import type { Tenant } from '../../platform/core/tenant.dto.js';
import { EventPublisherClient } from '../../platform/event-publisher/event-publisher.client.js';
import { buildSurveyPayload } from '../../payload/survey-payload.js';
import { idempotencyKey } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { triggerOutcome } from './platform-outcome.js';

/** The status of a delivery for which nothing had to be sent. */
const NOTHING_TO_SEND = 204;

/**
 * Triggers `survey-completed` once for each survey of the session. One delivery for all of them: it looks the surveys
 * up, and remembers which ones were triggered, so that a retry goes on where it stopped. No survey: nothing to send.
 */
@Injectable()
export class SurveysChannel implements DeliveryChannel {
  constructor(
    private readonly core: CoreClient,
    private readonly publisher: EventPublisherClient,
    private readonly clock: Clock,
  ) {}

  async attempt({ session, delivery, source, hasSurveys, leaseUntil }: Attempt): Promise<DeliveryResult> {
    const startedAt = performance.now();
    const { organizationId, sessionId } = session;
    if (hasSurveys && !(await hasSurveys(organizationId))) {
      return { result: 'delivered', statusCode: NOTHING_TO_SEND, durationMs: performance.now() - startedAt };
    }
    const surveys = await this.core.listSurveys(organizationId, sessionId);
    const triggered = new Set(delivery.triggeredSurveys);
    const missing = surveys.filter((survey) => !triggered.has(survey.id));
    let statusCode = NOTHING_TO_SEND;
    for (const survey of missing) {
      if (this.clock.now() >= leaseUntil.getTime()) {
        const message = 'more surveys than one lease leaves time for';
        return { result: 'postponed', code: 'lease_ends', message, delayMs: 0, triggeredSurveys: [...triggered] };
      }
      const outcome = await this.trigger(session._id, survey, await source.tenant());
      if (outcome.result !== 'delivered') return { ...outcome, triggeredSurveys: [...triggered] };
      triggered.add(survey.id);
      statusCode = outcome.statusCode;
    }
    const durationMs = performance.now() - startedAt;
    return { result: 'delivered', statusCode, durationMs, triggeredSurveys: [...triggered] };
  }

  private trigger(completionId: string, survey: Survey, tenant: Tenant) {
    const body = Buffer.from(JSON.stringify(buildSurveyPayload({ survey, tenant })));
    const { organizationId, id: tenantId } = tenant;
    const key = idempotencyKey(completionId, `survey:${survey.id}`);
    const trigger = { organizationId, tenantId, body, idempotencyKey: key };
    return triggerOutcome(this.publisher.trigger({ type: 'survey-completed', ...trigger }));
  }
}
