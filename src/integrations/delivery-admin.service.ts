import { BadRequestException, ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { Config } from '../config/config.js';
import { type Completion, type Delivery, idempotencyKey } from '../deliveries/completion.js';
import { DeliveryHistory, type HistoryEntry } from '../deliveries/delivery-history.js';
import { Resending } from '../deliveries/resending.js';
import { Clock } from '../persistence/clock.js';
import { cursorOf, positionOf } from './cursor.js';
import type {
  DeliveriesQuery,
  DeliveryPage,
  DeliveryResource,
  DestinationResource,
  LeftOutResource,
  RecoverDto,
  RecoverResource,
  SessionDeliveriesResource,
} from './delivery.dto.js';
import { IntegrationRepository } from './integration.repository.js';
import type { Integration } from './integration.schema.js';

/** What administrators see of deliveries and decide about them. Another organization's do not exist here. */
@Injectable()
export class DeliveryAdminService {
  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly integrations: IntegrationRepository,
    private readonly history: DeliveryHistory,
    private readonly resending: Resending,
  ) {}

  async list(organizationId: string, integrationId: number, query: DeliveriesQuery): Promise<DeliveryPage> {
    const { state, sessionId, since, until, cursor, limit = 50 } = query;
    const found = await this.history.list({
      organizationId,
      integrationId,
      state,
      sessionId,
      since: since === undefined ? undefined : new Date(since),
      until: until === undefined ? undefined : new Date(until),
      after: cursor === undefined ? undefined : positionOf(cursor),
      limit: limit + 1,
    });
    if (!found) return noSuchIntegration();
    const shown = found.slice(0, limit);
    const more = found.length > limit;
    return {
      items: shown.map(deliveryResource),
      ...(more ? { nextCursor: cursorOf(shown.at(-1)!.completion) } : {}),
    };
  }

  async get(organizationId: string, integrationId: number, deliveryId: string): Promise<DeliveryResource> {
    return deliveryResource(await this.find(organizationId, integrationId, deliveryId));
  }

  /** Sends one delivery again, now, whatever became of it. */
  async retry(organizationId: string, integrationId: number, deliveryId: string): Promise<DeliveryResource> {
    await this.enabled(organizationId, integrationId);
    const { completion, delivery } = await this.find(organizationId, integrationId, deliveryId);
    if (completion.state === 'detected') {
      throw new ConflictException('the session is just being completed; its first attempt comes by itself');
    }
    if (!(await this.resending.retry(completion._id, delivery))) {
      throw new ConflictException('the delivery is being attempted right now; look at it again');
    }
    return this.get(organizationId, integrationId, deliveryId);
  }

  async recover(organizationId: string, integrationId: number, { since, until }: RecoverDto): Promise<RecoverResource> {
    await this.enabled(organizationId, integrationId);
    const end = until === undefined ? new Date(this.clock.now()) : new Date(until);
    if (end <= new Date(since)) throw new BadRequestException(['until: must be later than since']);
    return this.resending.recover(integrationId, new Date(since), end);
  }

  /** Why a session was ended, when, and what came of every destination. */
  async ofSession(organizationId: string, sessionId: string): Promise<SessionDeliveriesResource> {
    const ends = await this.history.ofSession(organizationId, sessionId);
    if (ends.length === 0) {
      const why = 'this session was not ended by this service, or longer ago than its records are kept';
      throw new NotFoundException(`nothing is known of it: ${why}`);
    }
    const integrations = await this.integrations.list(organizationId);
    return {
      sessionId,
      ends: ends.map((completion) => ({
        revision: completion.revision,
        tenantId: completion.tenantId,
        state: completion.state,
        rule: completion.rule,
        thresholdSeconds: completion.thresholdSeconds,
        lastInteraction: completion.lastInteraction,
        dueAt: this.dueAt(completion),
        detectedAt: completion.detectedAt,
        ...(completion.completedAt ? { completedAt: completion.completedAt } : {}),
        destinations: completion.deliveries.map(destinationResource),
        leftOut: leftOut(completion, integrations),
      })),
    };
  }

  /** The threshold waits for an open live chat, which may last so long that its own limit decides. */
  private dueAt({ rule, thresholdSeconds, lastInteraction }: Completion): Date {
    const liveChatMs = rule === 'live-chat-max-idle' ? this.config.liveChatMaxIdleMs : 0;
    return new Date(lastInteraction.getTime() + Math.max(thresholdSeconds * 1_000, liveChatMs));
  }

  private async integration(organizationId: string, id: number): Promise<Integration> {
    const integration = await this.integrations.findInOrganization(organizationId, id);
    return integration ?? noSuchIntegration();
  }

  private async enabled(organizationId: string, id: number): Promise<void> {
    const { enabled } = await this.integration(organizationId, id);
    if (!enabled) throw new ConflictException('the integration is disabled: enable it first');
  }

  private async find(organizationId: string, integrationId: number, deliveryId: string): Promise<HistoryEntry> {
    const entry = await this.history.find(organizationId, integrationId, deliveryId);
    if (!entry) throw new NotFoundException('this integration has no such delivery');
    return entry;
  }
}

function noSuchIntegration(): never {
  throw new NotFoundException('this organization has no such integration');
}

/** What was left out when the session was found, and what is plain to see now. Nothing of other organizations. */
function leftOut(completion: Completion, integrations: readonly Integration[]): LeftOutResource[] {
  const served = new Set(completion.deliveries.map((delivery) => delivery.integrationId));
  return integrations
    .filter(({ id }) => !served.has(id))
    .map((integration) => ({ integrationId: integration.id, reason: whyLeftOut(completion, integration) }));
}

function whyLeftOut(completion: Completion, integration: Integration): string {
  const noted = completion.leftOut.find(({ integrationId }) => integrationId === integration.id);
  if (noted) return noted.reason;
  if (integration.createdAt > completion.detectedAt) return 'it was created after the session had ended';
  if (!integration.tenants.includes(completion.tenantId)) return 'it does not list the tenant';
  return integration.enabled ? 'it did not list the tenant, or was disabled, when the session ended' : 'it is disabled';
}

function deliveryResource({ completion, delivery }: HistoryEntry): DeliveryResource {
  return {
    id: completion._id,
    sessionId: completion.sessionId,
    revision: completion.revision,
    tenantId: completion.tenantId,
    webhookId: idempotencyKey(completion._id, delivery.integrationId!),
    detectedAt: completion.detectedAt,
    ...destinationResource(delivery),
  };
}

function destinationResource(delivery: Delivery): DestinationResource {
  const { destination, state, attempts, reason, dueAt, lastStatus, lastError, at, log } = delivery;
  return {
    destination,
    state,
    attempts,
    ...(reason === undefined ? {} : { reason }),
    ...(dueAt ? { nextAttemptAt: dueAt } : {}),
    ...(lastStatus === undefined ? {} : { lastStatus }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(at ? { lastAttemptAt: at } : {}),
    log,
  };
}
