import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { IntegrationRepository } from '../integrations/integration.repository.js';
import type { DisabledReason, Integration } from '../integrations/integration.schema.js';
import { IntegrationNotifications } from '../notifications/integration-notifications.js';
import { Clock } from '../persistence/clock.js';
import type { Delivery } from '../completions/delivery.js';
import { Redelivery } from '../completions/redelivery.js';
import type { DeliveryResult } from '../completions/transitions.js';

/** An endpoint that has failed without a success for this long is disabled. */
const FAILING_AT_MOST_MS = 5 * 86_400_000;
/** Deliveries that die together are told of together; by then, first attempts of the same page are written down too. */
const AFTERWARDS_MS = 1_000;
/** Failures of one integration that come closer together than this are noted once. */
const NOTED_TOGETHER_MS = 5_000;

const WHY: Record<DisabledReason, string> = {
  gone: 'the endpoint answered 410 Gone',
  failing_for_days: 'the endpoint has failed for 5 days without a success',
};

/**
 * What attempts say about an integration as a whole: since when it fails, that it works again, that it must be
 * disabled; and who is told. It writes only when something changes, so that a healthy endpoint costs nothing, and never
 * delays a delivery.
 */
@Injectable()
export class IntegrationHealth implements OnModuleDestroy {
  private readonly logger = new Logger(IntegrationHealth.name);
  /**
   * When (epoch ms) this process last noted that an integration fails. It spares writes and decides nothing: other
   * replicas see successes that this one does not.
   */
  private readonly noted = new Map<number, number>();
  private readonly died = new Map<number, { integration: Integration; count: number; last: Facts }>();
  /** Just disabled, with the reason for its deliveries. */
  private readonly disabled = new Map<number, string>();
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly clock: Clock,
    private readonly integrations: IntegrationRepository,
    private readonly notifications: IntegrationNotifications,
    private readonly redelivery: Redelivery,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.afterwards();
  }

  /** Takes in one attempt's result. */
  note(integration: Integration, result: DeliveryResult, settled: Delivery): void {
    if (result.result === 'delivered' && this.isKnownToFail(integration)) {
      this.inBackground(this.succeeded(integration));
    }
    if (result.result === 'failed') this.inBackground(this.failed(integration, result));
    if (settled.state === 'dead' && 'code' in result) this.dead(integration, facts(result));
  }

  private isKnownToFail({ id, failingSince }: Integration): boolean {
    return failingSince !== undefined || this.noted.has(id);
  }

  private async succeeded(integration: Integration): Promise<void> {
    this.noted.delete(integration.id);
    const at = new Date(this.clock.now());
    const since = await this.integrations.noteSuccess(integration.id, at);
    if (since) await this.notifications.record({ kind: 'recovered', ...about(integration), at, since });
  }

  private async failed(integration: Integration, result: Failure): Promise<void> {
    if (result.code === 'http_410') return this.disable(integration, 'gone', facts(result));
    const now = this.clock.now();
    if (integration.failingSince) {
      const tooLong = hasFailedTooLong(integration, now) && (await this.stillFails(integration, now));
      if (tooLong) await this.disable(integration, 'failing_for_days', facts(result));
      return;
    }
    if (now - (this.noted.get(integration.id) ?? -Infinity) < NOTED_TOGETHER_MS) return;
    this.noted.set(integration.id, now);
    const at = new Date(now);
    const since = await this.integrations.noteFailure(integration.id, at);
    if (since?.getTime() !== at.getTime()) return; // it fails for longer, or it is gone
    await this.notifications.record({ kind: 'first-failure', ...about(integration), at, ...facts(result) });
  }

  /** The integration as the attempt knew it may be older than its latest success. */
  private async stillFails({ id }: Integration, now: number): Promise<boolean> {
    const present = await this.integrations.findById(id);
    return present !== null && hasFailedTooLong(present, now);
  }

  private async disable(integration: Integration, why: DisabledReason, last: Facts): Promise<void> {
    const at = new Date(this.clock.now());
    this.noted.delete(integration.id);
    if (!(await this.integrations.disable(integration.id, why, at))) return;
    this.logger.warn(
      { integrationId: integration.id, organizationId: integration.organizationId, why },
      'integration.disabled',
    );
    await this.notifications.record({ kind: 'disabled', ...about(integration), at, ...last, reason: WHY[why] });
    const reason = `the integration is disabled: ${WHY[why]}`;
    this.disabled.set(integration.id, reason);
    this.lookAfterwards();
    await this.redelivery.cancel(integration.id, reason);
  }

  private dead(integration: Integration, last: Facts): void {
    const count = (this.died.get(integration.id)?.count ?? 0) + 1;
    this.died.set(integration.id, { integration, count, last });
    this.lookAfterwards();
  }

  private lookAfterwards(): void {
    this.timer ??= setTimeout(() => this.inBackground(this.afterwards()), AFTERWARDS_MS);
  }

  /** Sessions that were just being completed when their integration was disabled have deliveries for it since. */
  private async afterwards(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const died = [...this.died.values()];
    const disabled = [...this.disabled];
    this.died.clear();
    this.disabled.clear();
    const at = new Date(this.clock.now());
    for (const { integration, count, last } of died) {
      await this.notifications.record({ kind: 'dead', ...about(integration), at, count, ...last });
    }
    for (const [id, reason] of disabled) {
      const enabledAgain = (await this.integrations.findById(id))?.enabled;
      if (!enabledAgain) await this.redelivery.cancel(id, reason);
    }
  }

  private inBackground(work: Promise<void>): void {
    work.catch((error: Error) => this.logger.warn({ reason: error.message }, 'integration-health.not-noted'));
  }
}

interface Facts {
  statusCode?: number;
  code: string;
}

type Failure = Extract<DeliveryResult, { result: 'failed' }>;

function hasFailedTooLong({ failingSince }: Integration, now: number): boolean {
  return failingSince !== undefined && now - failingSince.getTime() >= FAILING_AT_MOST_MS;
}

function facts({ statusCode, code }: Facts): Facts {
  return statusCode === undefined ? { code } : { statusCode, code };
}

function about({ id, organizationId }: Integration): { integrationId: number; organizationId: string } {
  return { integrationId: id, organizationId };
}
