import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { EndedSession } from '../completions/completion.js';
import { type Channel, channelOf, type Delivery } from '../completions/delivery.js';
import { OperatorAlerts } from '../notifications/operator-alerts.js';

/** Deliveries that die together are told of together: an alert is a write to the database. */
const TOGETHER_MS = 1_000;

const SERVICES: Readonly<Record<Exclude<Channel, 'webhook'>, string>> = {
  flow: 'hbf-event-publisher (flows)',
  surveys: 'hbf-event-publisher (surveys)',
  analysis: 'hbf-nlp (analyses)',
};

interface Died {
  count: number;
  tenants: Set<string>;
  latest: { tenantId: string; organizationId: string; reason: string };
}

/**
 * Tells the operators of dead deliveries to the platform's own services, which no customer sees or can send again. A
 * mail names the channel, a tenant and the reason, and nothing of a session.
 */
@Injectable()
export class DeadDeliveryAlerts implements OnModuleDestroy {
  private readonly died = new Map<Exclude<Channel, 'webhook'>, Died>();
  private timer?: NodeJS.Timeout;

  constructor(private readonly alerts: OperatorAlerts) {}

  async onModuleDestroy(): Promise<void> {
    await this.raise();
  }

  /** Takes in a delivery that has just died; one of a webhook is its customer's to see. */
  note({ tenantId, organizationId }: EndedSession, { destination, reason = 'unknown' }: Delivery): void {
    const channel = channelOf(destination);
    if (channel === 'webhook') return;
    const { count, tenants } = this.died.get(channel) ?? { count: 0, tenants: new Set<string>() };
    const latest = { tenantId, organizationId, reason };
    this.died.set(channel, { count: count + 1, tenants: tenants.add(tenantId), latest });
    this.timer ??= setTimeout(() => void this.raise(), TOGETHER_MS);
  }

  /** Never rejects, as raising an alert never does. */
  private async raise(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const died = [...this.died];
    this.died.clear();
    for (const [channel, { count, tenants, latest }] of died) {
      await this.alerts.raise({
        kind: 'deliveries-dead',
        key: channel,
        count,
        subject: `Deliveries to ${SERVICES[channel]} were given up`,
        details: {
          Service: SERVICES[channel],
          'Latest reason': latest.reason,
          'Latest tenant': latest.tenantId,
          'Its organization': latest.organizationId,
          'Tenants in the latest second': tenants.size,
          'What to do': 'look for delivery.attempted of level warn and state dead in the log of the service',
        },
      });
    }
  }
}
