import type { Collection, MongoClient } from 'mongodb';
import type { Completion } from '../../src/deliveries/completion.js';
import type { Detection } from '../../src/deliveries/detection.repository.js';
import { detectedIn, detectionsOf } from '../support/completions.js';
import { connect, migrate } from '../support/database.js';
import { insertIntegration } from '../support/integrations.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { Random } from '../support/random.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { type LogLine, ServiceProcess } from '../support/service-process.js';
import { waitFor } from '../support/wait-for.js';
import { type Behavior, type Reception, WebhookReceiver } from '../support/webhook-receiver.js';
import { KillableEngine } from './engine.js';
import { Ledger } from './ledger.js';

export interface WorldOptions {
  random: Random;
  tenants: number;
  /** Repository folder whose `dist` runs; by default this one. */
  root?: string;
  env?: Record<string, string>;
  /** Is given every log line of all processes. */
  onLog?: (line: LogLine) => void;
}

export const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const TRIGGER = 'POST /connectors/flows:trigger';
const ANALYZE = 'POST /organizations/{orgId}/tenants/{tenantId}/sessions/{sessionId}/analyze';
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
  SESSION_PAGE_SIZE: '10',
  CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.01',
  DELIVERY_RETRY_SCHEDULE: '100ms,200ms,500ms,1s,1s,2s,2s,5s,5s,5s,10s,10s,10s',
};

/** Everything around the service: a database that can be killed, and what nobody kills, which keeps the ledger. */
export class CrashWorld {
  readonly ledger = new Ledger();
  readonly sessionIds: string[] = [];
  /** Warnings and errors of all processes, by message. */
  readonly warnings = new Map<string, number>();
  private readonly services: ServiceProcess[] = [];
  private readonly tenants: { id: string; summarizes: boolean; hooks: number[] }[] = [];
  private readonly receivers: WebhookReceiver[] = [];
  private readonly surveys = new Map<string, string>();

  private constructor(
    private readonly options: WorldOptions,
    readonly engine: KillableEngine,
    readonly platform: PlatformSimulator,
    private readonly client: MongoClient,
  ) {}

  static async start(options: WorldOptions): Promise<CrashWorld> {
    const engine = await KillableEngine.start();
    await migrate(engine.uri);
    const world = new CrashWorld(options, engine, await PlatformSimulator.start(), await connect(engine.uri));
    world.listen();
    await world.populate();
    return world;
  }

  get completions(): Collection<Completion> {
    return this.client.db().collection<Completion>('completions');
  }

  get detections(): Collection<Detection> {
    return detectionsOf(this.client.db());
  }

  /** What is written down of sessions whose first outcomes are not. */
  detected(): Promise<Completion[]> {
    return detectedIn(this.client.db());
  }

  /** Spawns the service; it may be killed before it is ready. */
  async spawn(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const { root, env: common } = this.options;
    const environment = serviceEnvironment(this.platform, this.engine.uri, { ...ENVIRONMENT, ...common, ...env });
    const service = await ServiceProcess.start(environment, root ? { root } : {});
    service.onLog((line) => this.noteWarning(line));
    this.services.push(service);
    return service;
  }

  /** A user writes his last word in a new session of some tenant: what will be owed for it is noted. */
  offerSession(): void {
    const { random } = this.options;
    const tenant = random.pick(this.tenants);
    const { id: sessionId, rest } = this.platform.core.addSession({
      tenantId: tenant.id,
      conversation: { messages: random.integer(2, 8) },
    });
    this.sessionIds.push(sessionId);
    const owe = (destination: string, who = destination) => this.ledger.owe({ sessionId, destination, who });
    owe('flow');
    if (tenant.summarizes && rest['containsUserInteraction']) owe('analysis');
    for (const hook of tenant.hooks) owe(`webhook:${hook}`);
    for (let n = random.chance(0.3) ? random.integer(1, 2) : 0; n > 0; n--) {
      const id = String(this.platform.core.addSurvey({ sessionId })['id']);
      this.surveys.set(id, sessionId);
      owe('surveys', id);
    }
  }

  /** Waits until hbf-core was told of every offered session and nothing is owed any more. */
  async allPaid(timeoutMs: number): Promise<void> {
    const paid = async () =>
      this.platform.core.activeCount === 0 &&
      (await this.detections.countDocuments()) === 0 &&
      (await this.completions.countDocuments({ 'deliveries.state': 'owed' })) === 0;
    await waitFor('every debt to be paid', paid, { timeoutMs, intervalMs: 200 });
  }

  /** How many of the sessions hbf-core was asked to complete more often than once. */
  get completedAgain(): string[] {
    return this.sessionIds.filter((id) => (this.platform.core.ledger.get(id)?.count ?? 0) > 1);
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
    await this.platform.stop();
    await Promise.all(this.receivers.map((receiver) => receiver.stop()));
    await this.client.close(true);
    await this.engine.remove();
  }

  private noteWarning(line: LogLine): void {
    const { level, msg = '' } = line;
    this.options.onLog?.(line);
    if (level >= 40) this.warnings.set(msg, (this.warnings.get(msg) ?? 0) + 1);
  }

  private listen(): void {
    const { publisher, nlp } = this.platform;
    publisher.keepBodies = false;
    publisher.server.onBefore(TRIGGER, ({ body }) => {
      const { id } = body as { id: string };
      const sessionId = this.surveys.get(id);
      this.ledger.note(sessionId ?? id, sessionId ? id : 'flow');
    });
    nlp.server.onBefore(ANALYZE, ({ params }) => this.ledger.note(params['sessionId']!, 'analysis'));
    // slow to answer now and then, so that a kill finds something under way everywhere
    const { random } = this.options;
    const slow = { kind: 'delay', ms: 60, stage: 'after', when: () => random.chance(0.3) } as const;
    this.platform.fault({ service: 'hbf-event-publisher', ...slow });
    this.platform.fault({ service: 'hbf-nlp', ...slow });
    this.platform.fault({ service: 'hbf-core', route: COMPLETE, ...slow });
  }

  private async populate(): Promise<void> {
    for (let i = 0; i < RECEIVERS; i++) {
      const receiver = await WebhookReceiver.start({ keepBodies: false });
      receiver.behave((reception) => this.hear(reception));
      this.receivers.push(receiver);
    }
    for (let i = 0; i < this.options.tenants; i++) await this.addTenant(i);
  }

  private async addTenant(index: number): Promise<void> {
    const tenant = { id: `t${index}`, summarizes: index % 2 === 0, hooks: [] as number[] };
    const organizationId = `org-${index}`;
    this.platform.core.addTenant({ ...tenant, organizationId, expireAfterSeconds: THRESHOLD_SECONDS });
    for (let n = 0; n < HOOKS_PER_TENANT; n++) {
      const id = index * HOOKS_PER_TENANT + n + 1;
      const url = `${this.receivers[id % RECEIVERS]!.url}/${id}`;
      await insertIntegration(this.client.db(), { id, organizationId, url, tenants: [tenant.id] });
      tenant.hooks.push(id);
    }
    this.tenants.push(tenant);
  }

  /** A customer's endpoint: one in a hundred is refused, and retried; the others are taken, some slowly. */
  private hear({ sessionId, path, webhookId }: Reception): Behavior {
    const { random } = this.options;
    if (random.chance(0.01)) return { kind: 'status', status: 503 };
    this.ledger.note(String(sessionId), `webhook:${path.split('/').at(-1)}`, webhookId);
    return random.chance(0.3) ? { kind: 'delay', ms: random.integer(5, 120) } : { kind: 'ok' };
  }
}
