import { Injectable } from '@nestjs/common';
import { IntegrationRepository } from '../../integrations/integration.repository.js';
import { PresentIntegrations } from '../../integrations/present-integrations.js';
import type { Integration } from '../../integrations/integration.schema.js';
import { Clock } from '../../persistence/clock.js';
import { TenantDirectory } from '../../platform/core/tenant-directory.js';
import type { Tenant } from '../../platform/core/tenant.dto.js';
import { idempotencyKey, integrationIdOf } from '../../completions/delivery.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import type { Attempt, DeliveryChannel } from './delivery-channel.js';
import { SessionGoneError } from '../payload-source.js';
import { WebhookClient } from '../../webhooks/webhook-client.js';

/** Where a webhook goes now, or why it is not sent any more. */
type Target = { integration: Integration } | { cancelled: string };

/** POSTs the ended session to a customer's endpoint, with the integration's present URL, headers and secrets. */
@Injectable()
export class WebhookChannel implements DeliveryChannel {
  constructor(
    private readonly integrations: IntegrationRepository,
    private readonly present: PresentIntegrations,
    private readonly tenants: TenantDirectory,
    private readonly client: WebhookClient,
    private readonly clock: Clock,
  ) {}

  async attempt(attempt: Attempt): Promise<DeliveryResult> {
    let target = await this.target(attempt);
    if ('cancelled' in target) return { result: 'cancelled', reason: target.cancelled };
    let body = attempt.source.bodyInMemory;
    if (!body) {
      body = await attempt.source.payload();
      // again, as that may have taken seconds: an administrator may have been told meanwhile that nothing is sent any more
      target = await this.target(attempt);
      if ('cancelled' in target) return { result: 'cancelled', reason: target.cancelled };
    }
    const { integration } = target;
    const outcome = await this.client.post({
      url: integration.url,
      headers: this.integrations.openHeaders(integration),
      body,
      webhookId: idempotencyKey(attempt.session._id, integration.id),
      signingSecrets: this.integrations.activeSigningSecrets(integration, this.clock.now()),
    });
    if (outcome.result !== 'failed' || outcome.code !== 'stopped') return outcome;
    // this process is stopping and cut it off: the customer's endpoint is not to blame
    return { result: 'postponed', code: outcome.code, message: outcome.message, delayMs: 0 };
  }

  /**
   * The integration is asked for last, as its answer holds for the shortest time.
   *
   * @throws SessionGoneError when the list of tenants has this one no more; PlatformError when there is no such list
   */
  private async target({ session, delivery }: Attempt): Promise<Target> {
    const tenant = await this.tenants.present(session.tenantId);
    const integration = await this.present.find(integrationIdOf(delivery.destination)!);
    const cancelled = whyCancelled(integration, tenant);
    if (cancelled !== undefined) return { cancelled };
    if (!tenant || !integration) throw new SessionGoneError('tenant');
    return { integration };
  }
}

/**
 * Why a webhook is not sent any more. Checked at each attempt: an admin may have withdrawn the tenant, or named one of
 * another organization, or a tenant may have moved, and its transcripts must not follow.
 *
 * @param tenant undefined when hbf-core does not list it, which may be hbf-core's mistake and cancels nothing
 */
export function whyCancelled(integration: Integration | undefined, tenant: Tenant | undefined): string | undefined {
  if (!integration) return 'the integration was removed';
  if (!integration.enabled) return 'the integration is disabled';
  if (!tenant) return undefined;
  if (tenant.organizationId !== integration.organizationId) return 'the tenant belongs to another organization';
  if (!integration.tenants.includes(tenant.id)) return 'the integration does not list the tenant any more';
  return undefined;
}
