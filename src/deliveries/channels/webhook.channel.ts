import { Injectable } from '@nestjs/common';
import { IntegrationRepository } from '../../integrations/integration.repository.js';
import type { Integration } from '../../integrations/integration.schema.js';
import { Clock } from '../../persistence/clock.js';
import type { Tenant } from '../../platform/core/tenant.dto.js';
import { idempotencyKey } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { WebhookClient } from '../../webhooks/webhook-client.js';

/** POSTs the ended session to a customer's endpoint, with the integration's present URL, headers and secrets. */
@Injectable()
export class WebhookChannel implements DeliveryChannel {
  constructor(
    private readonly integrations: IntegrationRepository,
    private readonly client: WebhookClient,
    private readonly clock: Clock,
  ) {}

  async attempt({ session, integration, source }: Attempt): Promise<DeliveryResult> {
    const cancelled = whyCancelled(integration, await source.tenant());
    if (cancelled !== undefined || !integration) return { result: 'cancelled', reason: cancelled ?? '' };
    const outcome = await this.client.post({
      url: integration.url,
      headers: this.integrations.openHeaders(integration),
      body: await source.payload(),
      webhookId: idempotencyKey(session._id, integration.id),
      signingSecrets: this.integrations.activeSigningSecrets(integration, this.clock.now()),
    });
    if (outcome.result !== 'failed' || outcome.code !== 'stopped') return outcome;
    // this process is stopping and cut it off: the customer's endpoint is not to blame
    return { result: 'postponed', code: outcome.code, message: outcome.message, delayMs: 0 };
  }
}

/**
 * Why a webhook is not sent any more. Checked when it is planned and again at each attempt: an admin may have named a
 * tenant of another organization, or a tenant may have moved, and its transcripts must not follow.
 */
export function whyCancelled(integration: Integration | undefined, tenant: Tenant): string | undefined {
  if (!integration) return 'the integration was removed';
  if (!integration.enabled) return 'the integration is disabled';
  if (tenant.organizationId !== integration.organizationId) return 'the tenant belongs to another organization';
  return undefined;
}
