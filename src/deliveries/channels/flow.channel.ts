import { Injectable } from '@nestjs/common';
import { flowBody } from '../../payload/session-body.js';
import { EventPublisherClient } from '../../platform/event-publisher/event-publisher.client.js';
import { idempotencyKey } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { triggerOutcome } from './platform-outcome.js';

/** Triggers `chat-session-completed` at hbf-event-publisher, with what webhooks get but for the member `webhook`. */
@Injectable()
export class FlowChannel implements DeliveryChannel {
  constructor(private readonly publisher: EventPublisherClient) {}

  async attempt({ session, source }: Attempt): Promise<DeliveryResult> {
    const { organizationId, tenantId } = session;
    const body = flowBody(await source.payload());
    const trigger = { organizationId, tenantId, body, idempotencyKey: idempotencyKey(session._id, 'flow') };
    return triggerOutcome(this.publisher.trigger({ type: 'chat-session-completed', ...trigger }));
  }
}
