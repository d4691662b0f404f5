import type { Random } from '../support/random.js';
import { World } from '../world/world.js';
import type { LogLine } from '../world/service/service-process.js';
import type { Behavior } from '../world/receivers/behavior.js';

export interface CrashWorldOptions {
  random: Random;
  tenants: number;
  /** Repository folder whose `dist` runs; by default this one. */
  root?: string;
  env?: Record<string, string>;
  /** Is given every log line of all processes. */
  onLog?: (line: LogLine) => void;
}

export const COMPLETE = 'PATCH /chat-sessions/batch/complete';
/** A session ends this long after its user's last word. */
export const THRESHOLD_SECONDS = 1;
const RECEIVERS = 4;
const HOOKS_PER_TENANT = 2;

/** Short time-outs, so that leases are: 16 seconds for a completion, as much for a claim. */
const ENVIRONMENT = {
  NODE_ENV: 'production',
  LOG_LEVEL: 'warn',
  SESSION_SERVICE_REQUEST_TIMEOUT: '1000',
  WEBHOOK_TIMEOUT_MS: '1000',
  FLOW_TRIGGER_TIMEOUT_MS: '1000',
  SESSION_PAGE_SIZE: '10',
  CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.01',
  DELIVERY_RETRY_SCHEDULE: '100ms,200ms,500ms,1s,1s,2s,2s,5s,5s,5s,10s,10s,10s',
};

interface Tenant {
  id: string;
  summarizes: boolean;
  hooks: number[];
}

/** The test world with tenants, endpoints that are slow or refuse now and then, and sessions that are offered to it. */
export class CrashWorld {
  readonly sessionIds: string[] = [];
  private readonly tenants: Tenant[] = [];

  private constructor(
    readonly world: World,
    private readonly random: Random,
  ) {}

  static async start({ random, tenants, env, ...options }: CrashWorldOptions): Promise<CrashWorld> {
    const world = await World.start({ ...options, env: { ...ENVIRONMENT, ...env } });
    const crashWorld = new CrashWorld(world, random);
    crashWorld.slowThePlatform();
    await crashWorld.populate(tenants);
    return crashWorld;
  }

  /** A user writes the last word in a new session of some tenant: what will be delivered for it is expected. */
  offerSession(): void {
    const { random } = this;
    const { arrivals, platform } = this.world;
    const tenant = random.pick(this.tenants);
    const { id: sessionId, rest } = platform.core.addSession({
      tenantId: tenant.id,
      conversation: { messages: random.integer(2, 8) },
    });
    this.sessionIds.push(sessionId);
    arrivals.expect(sessionId, `flow:${tenant.id}`, ...tenant.hooks.map((hook) => `webhook:${hook}`));
    if (tenant.summarizes && rest['containsUserInteraction']) arrivals.expect(sessionId, `analysis:${tenant.id}`);
    for (let n = random.chance(0.3) ? random.integer(1, 2) : 0; n > 0; n--) {
      arrivals.expect(sessionId, `survey:${String(platform.core.addSurvey({ sessionId })['id'])}`);
    }
  }

  /** The sessions that hbf-core was asked to complete more often than once. */
  get completedAgain(): string[] {
    return this.sessionIds.filter((id) => (this.world.platform.core.completed.get(id)?.count ?? 0) > 1);
  }

  /** Slow to answer now and then, so that a kill finds requests under way everywhere. */
  private slowThePlatform(): void {
    const { platform } = this.world;
    platform.publisher.keepBodies = false;
    const slow = { kind: 'delay', ms: 60, stage: 'after', when: () => this.random.chance(0.3) } as const;
    platform.fault({ service: 'hbf-event-publisher', ...slow });
    platform.fault({ service: 'hbf-nlp', ...slow });
    platform.fault({ service: 'hbf-core', route: COMPLETE, ...slow });
  }

  private async populate(tenants: number): Promise<void> {
    for (let i = 0; i < RECEIVERS; i++) (await this.world.addReceiver()).behave(() => this.behavior());
    for (let i = 0; i < tenants; i++) await this.addTenant(i);
  }

  private async addTenant(index: number): Promise<void> {
    const tenant = { id: `t${index}`, summarizes: index % 2 === 0, hooks: [] as number[] };
    const organizationId = `org-${index}`;
    this.world.platform.core.addTenant({ ...tenant, organizationId, expireAfterSeconds: THRESHOLD_SECONDS });
    for (let n = 0; n < HOOKS_PER_TENANT; n++) {
      const id = index * HOOKS_PER_TENANT + n + 1;
      const receiver = this.world.receivers[id % RECEIVERS]!;
      await this.world.addIntegration({ id, organizationId, tenants: [tenant.id] }, receiver);
      tenant.hooks.push(id);
    }
    this.tenants.push(tenant);
  }

  /** Of an endpoint: one request in a hundred is refused, and so retried; the others are accepted, some slowly. */
  private behavior(): Behavior {
    if (this.random.chance(0.01)) return { kind: 'status', status: 503 };
    return this.random.chance(0.3) ? { kind: 'delay', ms: this.random.integer(5, 120) } : { kind: 'ok' };
  }
}
