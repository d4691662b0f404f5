import { Injectable, Logger } from '@nestjs/common';
import type { EndedSession } from '../../completions/completion.js';
import { idempotencyKey } from '../../completions/delivery.js';
import { dueParts, type PartResult } from '../../completions/parts.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import { Config } from '../../config/config.js';
import { buildSurveyPayload } from '../../payload/survey-payload.js';
import { Clock } from '../../persistence/clock.js';
import { CoreClient } from '../../platform/core/core.client.js';
import type { Survey } from '../../platform/core/survey.dto.js';
import type { Tenant } from '../../platform/core/tenant.dto.js';
import { EventPublisherClient } from '../../platform/event-publisher/event-publisher.client.js';
import { DeliveryEvents } from '../delivery-events.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { triggerOutcome } from './platform-outcome.js';
import { NOTHING_TO_SEND, resultOfSurveys, surveyNotListed } from './surveys-result.js';

/**
 * Triggers `survey-completed` for each survey of the session. One delivery for all of them: it looks the surveys up, and
 * each is a part with a state of its own, so that one that fails keeps no other from being triggered. No survey: nothing
 * to send.
 */
@Injectable()
export class SurveysChannel implements DeliveryChannel {
  private readonly logger = new Logger(SurveysChannel.name);

  constructor(
    private readonly config: Config,
    private readonly core: CoreClient,
    private readonly publisher: EventPublisherClient,
    private readonly clock: Clock,
    private readonly events: DeliveryEvents,
  ) {}

  async attempt({ session, delivery, source, hasSurveys, leaseUntil }: Attempt): Promise<DeliveryResult> {
    const startedAt = performance.now();
    const tookMs = () => performance.now() - startedAt;
    if (hasSurveys && !(await hasSurveys(session.organizationId))) {
      return { result: 'delivered', statusCode: NOTHING_TO_SEND, durationMs: tookMs() };
    }
    const surveys = await this.surveysOf(session);
    const due = dueParts(delivery.parts ?? [], [...surveys.keys()]);
    if (due.length === 0) return { result: 'delivered', statusCode: NOTHING_TO_SEND, durationMs: tookMs() };
    const tenant = await source.tenant();
    const tried: PartResult[] = [];
    for (const surveyId of due) {
      const survey = surveys.get(surveyId);
      // another process may send it, too, once the lease has passed
      if (leaseUntil.getTime() - this.clock.now() < this.config.flowTriggerTimeoutMs) break;
      const outcome = survey ? await this.trigger(session._id, survey, tenant) : surveyNotListed();
      if (outcome.result === 'postponed') break; // this process stops
      tried.push({ surveyId, outcome });
    }
    return resultOfSurveys(due, tried, tookMs());
  }

  /** By id. One that is left out is never passed over in silence: perhaps its session is this one. */
  private async surveysOf({ organizationId, tenantId, sessionId }: EndedSession): Promise<Map<string, Survey>> {
    const { surveys, leftOut } = await this.core.listSurveys({ organizationId, tenantId, sessionId });
    if (leftOut.otherSession + leftOut.unclear > 0) {
      const level = leftOut.unclear > 0 ? 'warn' : 'log';
      this.logger[level]({ sessionId, tenantId, organizationId, ...leftOut }, 'surveys.left-out');
      this.events.onSurveysLeftOut(leftOut);
    }
    return new Map(surveys.map((survey) => [survey.id, survey]));
  }

  private trigger(completionId: string, survey: Survey, tenant: Tenant) {
    const body = Buffer.from(JSON.stringify(buildSurveyPayload({ survey, tenant })));
    const { organizationId, id: tenantId } = tenant;
    const key = idempotencyKey(completionId, `survey:${survey.id}`);
    const trigger = { organizationId, tenantId, body, idempotencyKey: key };
    return triggerOutcome(this.publisher.trigger({ type: 'survey-completed', ...trigger }));
  }
}
