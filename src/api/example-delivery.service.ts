import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { CircuitProbes } from '../completions/circuit-probes.js';
import { webhookDestination } from '../completions/delivery.js';
import type { WebhookOutcome } from '../webhooks/webhook-outcome.js';
import { WebhookClient } from '../webhooks/webhook-client.js';
import { Clock } from '../persistence/clock.js';
import type { ExampleDeliveryResource } from './example-delivery.dto.js';
import { exampleWebhookBody } from '../payload/example-bodies.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { IntegrationParams } from './params.dto.js';
import { IntegrationsService } from './integrations.service.js';

/** Posts an example session to an integration's endpoint, as real ones are posted, and returns the outcome. */
@Injectable()
export class ExampleDeliveryService {
  constructor(
    private readonly service: IntegrationsService,
    private readonly integrations: IntegrationRepository,
    private readonly client: WebhookClient,
    private readonly clock: Clock,
    private readonly probes: CircuitProbes,
  ) {}

  /**
   * One attempt, which is not recorded. A disabled integration may be tried before it is enabled. Where it succeeds, an
   * open circuit probes at once.
   */
  async send({ orgId, integrationId }: IntegrationParams): Promise<ExampleDeliveryResource> {
    const integration = await this.service.find(orgId, integrationId);
    const now = this.clock.now();
    const sessionId = randomUUID();
    const tenantId = integration.tenants[0] ?? 'example';
    const outcome = await this.client.post({
      url: integration.url,
      headers: this.integrations.openHeaders(integration),
      body: exampleWebhookBody({ organizationId: orgId, tenantId, sessionId, at: now }),
      webhookId: `test:${sessionId}:${integrationId}`,
      signingSecrets: this.integrations.activeSigningSecrets(integration, now),
    });
    if (outcome.result === 'delivered') await this.probes.probeNow([webhookDestination(integrationId)]);
    return shown(outcome);
  }
}

function shown(outcome: WebhookOutcome): ExampleDeliveryResource {
  const { statusCode, durationMs, responseSnippet } = outcome;
  return {
    delivered: outcome.result === 'delivered',
    ...(statusCode !== undefined && { statusCode }),
    durationMs,
    ...(outcome.result === 'failed' && { code: outcome.code, message: outcome.message }),
    ...(responseSnippet !== undefined && { response: responseSnippet }),
  };
}
