import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { AttemptOutcome } from '../deliveries/attempt-outcome.js';
import { WebhookClient } from '../deliveries/channels/webhook-client.js';
import { Clock } from '../persistence/clock.js';
import type { ExampleDeliveryResource } from './example-delivery.dto.js';
import { exampleSession } from './example-session.js';
import { IntegrationRepository } from './integration.repository.js';
import { IntegrationsService } from './integrations.service.js';

/** Sends an example to an integration's endpoint, as the real ones are sent, and tells what came of it. */
@Injectable()
export class ExampleDeliveryService {
  constructor(
    private readonly service: IntegrationsService,
    private readonly integrations: IntegrationRepository,
    private readonly client: WebhookClient,
    private readonly clock: Clock,
  ) {}

  /** One attempt, recorded nowhere; a disabled integration may be tried before it is enabled. */
  async send(organizationId: string, id: number): Promise<ExampleDeliveryResource> {
    const integration = await this.service.find(organizationId, id);
    const now = this.clock.now();
    const sessionId = randomUUID();
    const payload = exampleSession(organizationId, integration.tenants[0] ?? 'example', sessionId, now);
    const outcome = await this.client.post({
      url: integration.url,
      headers: this.integrations.openHeaders(integration),
      body: Buffer.from(JSON.stringify(payload)),
      webhookId: `test:${sessionId}:${id}`,
      signingSecrets: this.integrations.activeSigningSecrets(integration, now),
    });
    return shown(outcome);
  }
}

function shown(outcome: AttemptOutcome): ExampleDeliveryResource {
  const { statusCode, durationMs, responseSnippet } = outcome;
  return {
    delivered: outcome.result === 'delivered',
    ...(statusCode !== undefined && { statusCode }),
    durationMs,
    ...(outcome.result === 'failed' && { code: outcome.code, message: outcome.message }),
    ...(responseSnippet !== undefined && { response: responseSnippet }),
  };
}
