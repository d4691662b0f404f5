import { Injectable, Logger, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { type CircuitState, CircuitStates } from '../completions/circuit-states.js';
import type { SessionRecord } from '../completions/completion.js';
import { integrationIdOf } from '../completions/delivery.js';
import { DeliveryHistory } from '../completions/delivery-history.js';
import { Config } from '../config/config.js';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { Integration } from '../integrations/integration.schema.js';
import { endOf } from '../sessions/expiry-policy.js';
import type { Outlook } from '../sessions/outlook.js';
import { SessionOutlooks, type Standing } from '../sessions/session-outlooks.js';
import { destinationResource } from './delivery-resources.js';
import type { SessionParams } from './params.dto.js';
import type {
  LeftOutResource,
  SessionCompletionResource,
  SessionDeliveriesResource,
} from './session-deliveries.dto.js';

/** Why a session ended, when, and the state of each of its deliveries; and its outlook while it is open. */
@Injectable()
export class SessionDeliveriesService {
  private readonly logger = new Logger(SessionDeliveriesService.name);

  constructor(
    private readonly config: Config,
    private readonly history: DeliveryHistory,
    private readonly integrations: IntegrationRepository,
    private readonly outlooks: SessionOutlooks,
    private readonly circuits: CircuitStates,
  ) {}

  /**
   * @throws NotFoundException when neither side knows it, or it is another organization's; ServiceUnavailableException when
   *   nothing is recorded and hbf-core does not tell
   */
  async get({ orgId, sessionId }: SessionParams): Promise<SessionDeliveriesResource> {
    const standing = await this.outlooks.of(orgId, sessionId);
    // asked last: what a check completes in between is found here
    const records = await this.history.ofSession(orgId, sessionId);
    if (records.length === 0) return this.unrecorded(sessionId, standing);
    const integrations = await this.integrations.list(orgId);
    const circuitOf = await this.circuits.of(
      records.flatMap((one) => one.deliveries.map(({ destination }) => destination)),
    );
    const completions = records.map((record) => this.completionResource(record, integrations, circuitOf));
    return { sessionId, completions, ...outlookIn(standing) };
  }

  private unrecorded(sessionId: string, standing: Standing): SessionDeliveriesResource {
    if (standing.is === 'unknown') {
      throw new NotFoundException('neither this service nor hbf-core knows such a session of this organization');
    }
    if (standing.is === 'unclear') {
      this.logger.warn({ reason: standing.reason }, 'on-demand.core-unavailable');
      throw new ServiceUnavailableException('hbf-core does not tell whether there is such a session; try again later');
    }
    return { sessionId, completions: [], ...outlookIn(standing) };
  }

  private completionResource(
    session: SessionRecord,
    integrations: readonly Integration[],
    circuitOf: (destination: string) => CircuitState,
  ): SessionCompletionResource {
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
      destinations: session.deliveries.map((one) => destinationResource(session, one, circuitOf(one.destination))),
      leftOut: leftOut(session, integrations),
    };
  }
}

function outlookIn(standing: Standing): { outlook?: Outlook } {
  return standing.is === 'open' ? { outlook: standing.outlook } : {};
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
