import { Injectable, NotFoundException } from '@nestjs/common';
import { type CircuitState, CircuitStates } from '../completions/circuit-states.js';
import type { SessionRecord } from '../completions/completion.js';
import { integrationIdOf } from '../completions/delivery.js';
import { DeliveryHistory } from '../completions/delivery-history.js';
import { Config } from '../config/config.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { endOf } from '../sessions/expiry-policy.js';
import { destinationResource } from './delivery-resources.js';
import type { SessionParams } from './params.dto.js';
import type { LeftOutResource, SessionDeliveriesResource, SessionEndResource } from './session-deliveries.dto.js';

/** Why a session ended, when, and the state of each of its deliveries. */
@Injectable()
export class SessionDeliveriesService {
  constructor(
    private readonly config: Config,
    private readonly history: DeliveryHistory,
    private readonly integrations: IntegrationRepository,
    private readonly circuits: CircuitStates,
  ) {}

  /** @throws NotFoundException when nothing is recorded of it in this organization */
  async get({ orgId, sessionId }: SessionParams): Promise<SessionDeliveriesResource> {
    const ends = await this.history.ofSession(orgId, sessionId);
    if (ends.length === 0) {
      const why = 'this session was not ended by this service, or longer ago than its records are kept';
      throw new NotFoundException(`nothing is recorded of it: ${why}`);
    }
    const integrations = await this.integrations.list(orgId);
    const circuitOf = await this.circuits.of(ends.flatMap((end) => end.deliveries.map((one) => one.destination)));
    return { sessionId, ends: ends.map((end) => this.endResource(end, integrations, circuitOf)) };
  }

  private endResource(
    session: SessionRecord,
    integrations: readonly Integration[],
    circuitOf: (destination: string) => CircuitState,
  ): SessionEndResource {
    const { revision, tenantId, rule, thresholdSeconds, lastInteraction, foundAt, completedAt } = session;
    return {
      revision,
      tenantId,
      state: completedAt ? 'completed' : 'intent',
      rule,
      thresholdSeconds,
      lastInteraction,
      dueAt: endOf(session, this.config.liveChatMaxIdleMs),
      foundAt,
      ...(completedAt ? { completedAt } : {}),
      destinations: session.deliveries.map((one) => destinationResource(one, circuitOf(one.destination))),
      leftOut: leftOut(session, integrations),
    };
  }
}

/** The organization's integrations without a delivery: with the reason noted at the time, else one inferred now. */
function leftOut(session: SessionRecord, integrations: readonly Integration[]): LeftOutResource[] {
  const served = new Set(session.deliveries.map(({ destination }) => integrationIdOf(destination)));
  return integrations
    .filter(({ id }) => !served.has(id))
    .map((integration) => ({ integrationId: integration.id, reason: whyLeftOut(session, integration) }));
}

function whyLeftOut(session: SessionRecord, integration: Integration): string {
  const noted = session.leftOut.find(({ integrationId }) => integrationId === integration.id);
  if (noted) return noted.reason;
  if (integration.createdAt > session.foundAt) return 'it was created after the session had ended';
  if (!integration.tenants.includes(session.tenantId)) return 'it does not list the tenant';
  return integration.enabled ? 'it did not list the tenant, or was disabled, when the session ended' : 'it is disabled';
}
