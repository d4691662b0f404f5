import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { CircuitProbes } from '../completions/circuit-probes.js';
import { CircuitStates } from '../completions/circuit-states.js';
import { readDeliveryId, webhookDestination } from '../completions/delivery.js';
import { type DeliveryFilter, unserved } from '../completions/delivery-filter.js';
import { DeliveryHistory, type HistoryEntry, positionOf } from '../completions/delivery-history.js';
import { Redelivery } from '../completions/redelivery.js';
import { ViolationsException } from '../http/violations.js';
import { cursorOf, readCursor } from './cursor.js';
import type { DeliveriesQuery, DeliveryPage, DeliveryResource } from './deliveries.dto.js';
import { deliveryResource } from './delivery-resources.js';
import { IntegrationsService } from './integrations.service.js';
import type { DeliveryParams, IntegrationParams } from './params.dto.js';

/** Deliveries of an integration, an organization or all, and the retry of one. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly integrations: IntegrationsService,
    private readonly history: DeliveryHistory,
    private readonly redelivery: Redelivery,
    private readonly circuits: CircuitStates,
    private readonly probes: CircuitProbes,
  ) {}

  listOfIntegration({ orgId, integrationId }: IntegrationParams, query: DeliveriesQuery): Promise<DeliveryPage> {
    return this.list(orgId, { ...query, integrationId });
  }

  /**
   * @param organizationId undefined: of all organizations
   * @throws ViolationsException where no index serves the query; NotFoundException for another organization's integration
   */
  async list(organizationId: string | undefined, query: DeliveriesQuery): Promise<DeliveryPage> {
    const { state, since, until, cursor, limit = 50, sessionId, channel, integrationId, tenantId } = query;
    const filter: DeliveryFilter = {
      organizationId,
      sessionId,
      channel,
      integrationId,
      tenantId,
      states: state && [state],
      since: since === undefined ? undefined : new Date(since),
      until: until === undefined ? undefined : new Date(until),
    };
    const refused = unserved(filter);
    if (refused) throw new ViolationsException([refused]);
    if (filter.since && filter.until && filter.until <= filter.since)
      throw new ViolationsException([{ field: 'until', message: 'must be later than since' }]);
    // or an admin of another organization could have it read through: the index of a destination knows no organization
    if (organizationId !== undefined && integrationId !== undefined)
      await this.integrations.find(organizationId, integrationId);
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const found = await this.history.list({ ...filter, after, limit: limit + 1 });
    const shown = found.slice(0, limit);
    const circuitOf = await this.circuits.of(shown.map(({ delivery }) => delivery.destination));
    return {
      items: shown.map((entry) => deliveryResource(entry, circuitOf(entry.delivery.destination))),
      ...(found.length > limit ? { nextCursor: cursorOf(positionOf(shown.at(-1)!)) } : {}),
    };
  }

  async get(params: DeliveryParams): Promise<DeliveryResource> {
    const entry = await this.find(params);
    return deliveryResource(entry, await this.circuits.ofOne(entry.delivery.destination));
  }

  /**
   * Makes one delivery due now, whatever its state; an open circuit probes at once.
   *
   * @param by the caller's name
   */
  async retry(params: DeliveryParams, by: string): Promise<DeliveryResource> {
    await this.integrations.findEnabled(params.orgId, params.integrationId);
    const { session, delivery } = await this.find(params);
    if (!session.completedAt) {
      throw new ConflictException('the session is just being completed; its first attempt comes by itself');
    }
    if (!(await this.redelivery.retry(session._id, delivery, by))) {
      throw new ConflictException('the delivery is being attempted right now; look at it again');
    }
    await this.probes.probeNow([delivery.destination]);
    return this.get(params);
  }

  private async find({ orgId, integrationId, deliveryId }: DeliveryParams): Promise<HistoryEntry> {
    const { completionId, destination } = readDeliveryId(deliveryId) ?? {};
    const isOurs = completionId !== undefined && destination === webhookDestination(integrationId);
    const entry = isOurs ? await this.history.find(orgId, completionId, destination) : undefined;
    if (!entry) throw new NotFoundException('this integration has no such delivery');
    return entry;
  }
}
