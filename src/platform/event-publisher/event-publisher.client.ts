import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { PlatformHttp } from '../platform-http.js';

export interface FlowTrigger {
  type: 'chat-session-completed' | 'survey-completed';
  organizationId: string;
  tenantId: string;
  /** The session or survey, already serialised as JSON; in parts where it is long. */
  body: Buffer | string | readonly Buffer[];
  /** The same over all attempts. */
  idempotencyKey: string;
}

/** hbf-event-publisher, which starts a tenant's flows. It has no public contract; what is known of it: docs/platform.md. */
@Injectable()
export class EventPublisherClient {
  constructor(
    private readonly http: PlatformHttp,
    private readonly config: Config,
  ) {}

  /**
   * Triggers every flow that waits for the event. hbf-event-publisher calls them all before it answers, so that it can
   * be slow, has a time-out of its own, and a time-out does not mean "not triggered". Tried once: whether there is another attempt is decided by the
   * delivery's retry schedule.
   *
   * @throws PlatformError
   */
  trigger({ type, organizationId, tenantId, body, idempotencyKey }: FlowTrigger): Promise<{ status: number }> {
    return this.http.status({
      service: 'hbf-event-publisher',
      method: 'POST',
      route: '/connectors/flows:trigger',
      query: { triggerType: type, organizationId, tenantId },
      body,
      idempotencyKey,
      timeoutMs: this.config.flowTriggerTimeoutMs,
    });
  }
}
