import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { deliveryId, type DeliveryState, readDeliveryId, webhookDestination } from '../completions/delivery.js';
import { type DeliveryFilter, unserved } from '../completions/delivery-filter.js';
import { DeliveryHistory } from '../completions/delivery-history.js';
import { RedeliveryRepository, type RedeliveryScope } from '../completions/redelivery.repository.js';
import type { RedeliveryFilter, RedeliveryRequest } from '../completions/redelivery.schema.js';
import { RedeliveryWorker } from '../deliveries/redelivery-worker.js';
import type { Violation } from '../http/error-body.js';
import { ViolationsException } from '../http/violations.js';
import { Clock } from '../persistence/clock.js';
import { IntegrationsService } from './integrations.service.js';
import type { RedeliveryAccepted, RedeliveryCount, RedeliveryDto, RedeliveryResource } from './redeliveries.dto.js';

const DEFAULT_STATES: readonly DeliveryState[] = ['dead', 'cancelled'];
const LISTED_AT_MOST = 100;
/** A count may read as many completions as the request has deliveries. */
const COUNTED_AT_ONCE = 2;
/** Of one organization; those of moderators over all count together. */
const RUNNING_AT_MOST = 3;
const BESIDE_IDS = ['since', 'until', 'states', 'channel', 'integrationId', 'tenantId'] as const;

/** Requests to send deliveries again, which RedeliveryWorker works off. */
@Injectable()
export class RedeliveriesService {
  constructor(
    private readonly clock: Clock,
    private readonly history: DeliveryHistory,
    private readonly requests: RedeliveryRepository,
    private readonly worker: RedeliveryWorker,
    private readonly integrations: IntegrationsService,
  ) {}

  /**
   * @param scope the path's organization and integration
   * @throws ViolationsException; NotFoundException and ConflictException for an integration that is named
   */
  async count(scope: RedeliveryScope, dto: RedeliveryDto): Promise<RedeliveryCount> {
    return this.countOf(scope.organizationId, await this.filterOf(scope, dto));
  }

  /** As `count`, and begins. @param by the caller's name */
  async begin(scope: RedeliveryScope, dto: RedeliveryDto, by: string): Promise<RedeliveryAccepted> {
    const { organizationId } = scope;
    const filter = await this.filterOf(scope, dto);
    if ((await this.requests.countRunning(organizationId)) >= RUNNING_AT_MOST)
      throw new ConflictException(
        `${RUNNING_AT_MOST} redeliveries are running: begin another one when one of them is done`,
      );
    const counts = await this.countOf(organizationId, filter);
    const id = randomUUID();
    const at = new Date(this.clock.now());
    await this.requests.add({ _id: id, organizationId, by, at, filter, state: 'running', ...counts });
    this.worker.wake();
    return { id, ...counts };
  }

  /** @returns the newest hundred, the newest first */
  async list(scope: RedeliveryScope): Promise<RedeliveryResource[]> {
    await this.mustHaveIntegration(scope);
    const found = await this.requests.list(scope, LISTED_AT_MOST);
    const few = pLimit(COUNTED_AT_ONCE);
    return Promise.all(found.map((request) => few(() => this.shown(request))));
  }

  async get(scope: RedeliveryScope, id: string): Promise<RedeliveryResource> {
    await this.mustHaveIntegration(scope);
    const found = await this.requests.find(id, scope);
    if (!found) throw new NotFoundException('there is no such redelivery');
    return this.shown(found);
  }

  /** @throws NotFoundException where the path names one that there is not */
  private async mustHaveIntegration({ organizationId, integrationId }: RedeliveryScope): Promise<void> {
    if (integrationId !== undefined) await this.integrations.find(organizationId, integrationId);
  }

  private async shown(request: RedeliveryRequest): Promise<RedeliveryResource> {
    const { _id: id, by, at, filter, state, reason, matched, skipped } = request;
    const { pending = 0, delivered = 0, dead = 0, cancelled = 0 } = await this.history.countRedelivered(id);
    const queued = pending + delivered + dead + cancelled;
    const ended = reason === undefined ? { state } : { state, reason };
    return { id, by, at, filter, ...ended, matched, skipped, queued, pending, delivered, dead, cancelled };
  }

  private async countOf(organizationId: string | undefined, filter: RedeliveryFilter): Promise<RedeliveryCount> {
    const counts =
      'ids' in filter
        ? await this.countNamed(organizationId, filter.ids)
        : await this.history.countByDestination({ ...filter, organizationId });
    const sendable = await this.worker.mayBeSent([...counts.keys()]);
    const total = { matched: 0, skipped: 0 };
    for (const [destination, count] of counts) total[sendable.has(destination) ? 'matched' : 'skipped'] += count;
    return total;
  }

  /** @throws ViolationsException naming those that there are not */
  private async countNamed(organizationId: string | undefined, ids: readonly string[]): Promise<Map<string, number>> {
    const found = await this.history.findCompleted(organizationId, ids);
    const counts = new Map<string, number>();
    for (const { delivery } of found) counts.set(delivery.destination, (counts.get(delivery.destination) ?? 0) + 1);
    const known = new Set(found.map(({ session, delivery }) => deliveryId(session._id, delivery.destination)));
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length === 0) return counts;
    const message = `must be deliveries of completed sessions here, unlike ${unknown.slice(0, 10).join(', ')}`;
    throw new ViolationsException([{ field: 'ids', message }]);
  }

  private async filterOf(scope: RedeliveryScope, dto: RedeliveryDto): Promise<RedeliveryFilter> {
    const { ids } = dto;
    const integrationId = scope.integrationId ?? dto.integrationId;
    const filter = ids ? named(ids, dto, scope) : this.timed({ ...dto, integrationId });
    if (integrationId !== undefined) await this.integrations.findEnabled(scope.organizationId, integrationId);
    return filter;
  }

  private timed(dto: RedeliveryDto): RedeliveryFilter {
    const { since, until, channel, integrationId, tenantId, states = DEFAULT_STATES } = dto;
    if (since === undefined) throw violation('since', 'is required where no ids are given: an ISO 8601 date-time, such as 2026-11-20T08:00:00Z'); // prettier-ignore
    const end = until === undefined ? new Date(this.clock.now()) : new Date(until);
    if (end <= new Date(since)) throw violation('until', 'must be later than since');
    const filter = { since: new Date(since), until: end, channel, integrationId, tenantId, states };
    const refused = unserved(filter satisfies DeliveryFilter);
    if (refused) throw new ViolationsException([refused]);
    return filter;
  }
}

/** @throws ViolationsException where more than ids is given, or an id is not the integration's */
function named(ids: readonly string[], dto: RedeliveryDto, { integrationId }: RedeliveryScope): RedeliveryFilter {
  const others: Violation[] = BESIDE_IDS.filter((name) => dto[name] !== undefined).map((field) => ({
    field,
    message: 'must not be given together with ids',
  }));
  if (others.length > 0) throw new ViolationsException(others);
  const destination = integrationId === undefined ? undefined : webhookDestination(integrationId);
  const foreign = ids.filter((id) => destination !== undefined && readDeliveryId(id)!.destination !== destination);
  if (foreign.length === 0) return integrationId === undefined ? { ids } : { ids, integrationId };
  throw violation('ids', `must be deliveries of this integration, unlike ${foreign.slice(0, 10).join(', ')}`);
}

function violation(field: string, message: string): ViolationsException {
  return new ViolationsException([{ field, message }]);
}
