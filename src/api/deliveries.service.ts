import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { CircuitProbes } from '../completions/circuit-probes.js';
import { CircuitStates } from '../completions/circuit-states.js';
import { webhookDestination } from '../completions/delivery.js';
import { DeliveryHistory, type HistoryEntry } from '../completions/delivery-history.js';
import { Redelivery } from '../completions/redelivery.js';
import { ViolationsException } from '../http/violations.js';
import { Clock } from '../persistence/clock.js';
import { cursorOf, positionOf } from './cursor.js';
import type { DeliveriesQuery, DeliveryPage, DeliveryResource, RecoverDto, RecoverResource } from './deliveries.dto.js';
import { deliveryResource } from './delivery-resources.js';
import { IntegrationsService } from './integrations.service.js';
import type { DeliveryParams, IntegrationParams } from './params.dto.js';

/** The deliveries of an organization's integrations, and their redelivery. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly clock: Clock,
    private readonly integrations: IntegrationsService,
    private readonly history: DeliveryHistory,
    private readonly redelivery: Redelivery,
    private readonly circuits: CircuitStates,
    private readonly probes: CircuitProbes,
  ) {}

  async list({ orgId, integrationId }: IntegrationParams, query: DeliveriesQuery): Promise<DeliveryPage> {
    const { state, sessionId, since, until, cursor, limit = 50 } = query;
    await this.integrations.find(orgId, integrationId);
    const found = await this.history.list({
      organizationId: orgId,
      integrationId,
      state,
      sessionId,
      since: since === undefined ? undefined : new Date(since),
      until: until === undefined ? undefined : new Date(until),
      after: cursor === undefined ? undefined : positionOf(cursor),
      limit: limit + 1,
    });
    const shown = found.slice(0, limit);
    const more = found.length > limit;
    const circuit = await this.circuits.ofOne(webhookDestination(integrationId));
    return {
      items: shown.map((entry) => deliveryResource(entry, circuit)),
      ...(more ? { nextCursor: cursorOf(shown.at(-1)!.session) } : {}),
    };
  }

  async get(params: DeliveryParams): Promise<DeliveryResource> {
    const entry = await this.find(params);
    return deliveryResource(entry, await this.circuits.ofOne(entry.delivery.destination));
  }

  /** Makes one delivery due now, whatever its state; an open circuit probes at once. */
  async retry(params: DeliveryParams): Promise<DeliveryResource> {
    await this.mustBeEnabled(params);
    const { session, delivery } = await this.find(params);
    if (!session.completedAt) {
      throw new ConflictException('the session is just being completed; its first attempt comes by itself');
    }
    if (!(await this.redelivery.retry(session._id, delivery))) {
      throw new ConflictException('the delivery is being attempted right now; look at it again');
    }
    await this.probes.probeNow([delivery.destination]);
    return this.get(params);
  }

  /** Makes dead and cancelled deliveries due again; an open circuit probes at once. */
  async recover(params: IntegrationParams, { since, until }: RecoverDto): Promise<RecoverResource> {
    await this.mustBeEnabled(params);
    const end = until === undefined ? new Date(this.clock.now()) : new Date(until);
    if (end <= new Date(since)) {
      throw new ViolationsException([{ field: 'until', message: 'must be later than since' }]);
    }
    const recovered = await this.redelivery.recover(params.integrationId, new Date(since), end);
    await this.probes.probeNow([webhookDestination(params.integrationId)]);
    return recovered;
  }

  private async mustBeEnabled({ orgId, integrationId }: IntegrationParams): Promise<void> {
    const { enabled } = await this.integrations.find(orgId, integrationId);
    if (!enabled) throw new ConflictException('the integration is disabled: enable it first');
  }

  private async find({ orgId, integrationId, deliveryId }: DeliveryParams): Promise<HistoryEntry> {
    const entry = await this.history.find(orgId, integrationId, deliveryId);
    if (!entry) throw new NotFoundException('this integration has no such delivery');
    return entry;
  }
}
