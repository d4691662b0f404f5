import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { preciseNow } from '../support/figures.js';
import { waitFor } from '../support/wait-for.js';
import { type ArrivalsReport, type Expected, problemsOf } from './arrivals.js';
import { migrate } from './database.js';
import { Installation, type InstallationOptions } from './installation.js';
import { insertIntegrations } from './integrations.js';
import type { CoreHandlers } from './platform/core.process.js';
import type { ReceiverHandlers } from './receivers/receivers.process.js';
import { nothingOpen, nothingOpenInAnyBuild } from './record.js';
import { Remote } from './rpc.js';
import { measuredEnvironment } from './service/service-environment.js';
import type { ServiceProcess } from './service/service-process.js';

export interface LoadOptions extends InstallationOptions {
  tenants: number;
  hooksPerTenant: number;
  /** Whether sessions are analysed. */
  analyses: boolean;
  /** After which a session has ended. */
  thresholdSeconds: number;
  /** Variables of every process of the service, over those of `measuredEnvironment`. */
  env?: Record<string, string>;
  /** Origins that the hooks are spread over. Default 4. */
  webhookPorts?: number;
  /** Lists of sessions cost hbf-core next to nothing, at some memory. For loads that are short. */
  keepsBytes?: boolean;
  /** The service that runs may be another commit's: its own migrations run, and integrations are made over its API. */
  anyBuild?: boolean;
}

/** A webhook integration. */
export interface Hook {
  id: number;
  tenantId: string;
  url: string;
}

export const ORGANIZATION = 'o1';
export const HOOK_SECRET = `whsec_${randomBytes(24).toString('base64')}`;
const ADMIN_TOKEN = 'load-admin';
const AGE_MS = 600_000;
const DELIVERED_WITHIN_MS = 400_000;
const WRITTEN_WITHIN_MS = 60_000;

/** What was delivered is not what was expected, or hbf-core was asked what no contract knows: the run is void. */
export class DeliveryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DeliveryError';
  }
}

/**
 * The test world for loads: hbf-core and all receivers in processes of their own, in their fast forms, many tenants
 * alike, and a database engine of its own. Each session has a flow trigger, an analysis if sessions are analysed, and a
 * webhook for each hook of its tenant; surveys are looked up, and there are none.
 */
export class LoadWorld {
  readonly tenants: string[];
  readonly hooks: readonly Hook[];

  private started = 0;

  private constructor(
    private readonly options: LoadOptions,
    readonly installation: Installation,
    readonly core: Remote<CoreHandlers>,
    readonly receivers: Remote<ReceiverHandlers>,
    readonly urls: { core: string; publisher: string; nlp: string; webhooks: string[] },
  ) {
    const { tenants, hooksPerTenant } = options;
    this.tenants = Array.from({ length: tenants }, (_, index) => `t${index}`);
    this.hooks = this.tenants.flatMap((tenantId, index) =>
      Array.from({ length: hooksPerTenant }, (_, n) => {
        const id = index * hooksPerTenant + n + 1;
        return { id, tenantId, url: `${urls.webhooks[id % urls.webhooks.length]}/hook/${id}` };
      }),
    );
  }

  /** Starts a world for `work`, and takes it down again after it, also when it fails. */
  static async use<T>(options: LoadOptions, work: (world: LoadWorld) => Promise<T>): Promise<T> {
    const [installation, core, receivers] = await Promise.all([
      Installation.start(options),
      Remote.start<CoreHandlers>(join(__dirname, 'platform', 'core.process.ts')),
      Remote.start<ReceiverHandlers>(join(__dirname, 'receivers', 'receivers.process.ts')),
    ]);
    try {
      const coreUrl = await core.call('listen', { keepsBytes: options.keepsBytes ?? false });
      const ports = { webhookPorts: options.webhookPorts ?? 4 };
      const urls = { core: coreUrl, ...(await receivers.call('listen', ports)) };
      const world = new LoadWorld(options, installation, core, receivers, urls);
      await world.populate();
      return await work(world);
    } finally {
      await installation.stop();
      await Promise.all([core.stop(), receivers.stop()]);
    }
  }

  get deliveriesPerSession(): number {
    return 1 + (this.options.analyses ? 1 : 0) + this.options.hooksPerTenant;
  }

  get databaseUri(): string {
    return this.installation.databaseUri;
  }

  get environment(): Record<string, string> {
    return measuredEnvironment(this.databaseUri, this.urls);
  }

  /** The service, as it starts; documented defaults unless said otherwise, production logs of warnings only. */
  spawnService(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const name = { INSTANCE_NAME: `replica-${++this.started}` }; // several on one machine
    return this.installation.spawn({ ...this.environment, ...name, ...this.options.env, ...env });
  }

  /** As `spawnService`; ready. */
  async startService(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = await this.spawnService(env);
    await service.waitReady();
    if (this.options.anyBuild) await this.createHooks(service);
    return service;
  }

  addExpired(count: number, more: { parked?: boolean } = {}): Promise<void> {
    return this.core.call('addSessions', { tenants: this.tenants, count, ageMs: AGE_MS, ...more });
  }

  /** Releases all parked sessions to the service. @returns sessions a second, until the last outcome is written */
  async rateOfService(sessions: number): Promise<{ perSecond: number; seconds: number }> {
    await this.core.call('release');
    await this.delivered(sessions);
    const seconds = (preciseNow() - (await this.core.call('firstScanAt'))!) / 1000;
    return { perSecond: sessions / seconds, seconds };
  }

  /** @throws DeliveryError when the deliveries of so many sessions have not all arrived in time */
  async arrived(sessions: number, timeoutMs: number): Promise<void> {
    const deliveries = sessions * this.deliveriesPerSession;
    const arrived = await this.receivers.call('arrived', { deliveries, timeoutMs });
    if (arrived < deliveries)
      throw new DeliveryError(`${arrived} of ${deliveries} deliveries arrived in ${timeoutMs} ms`);
  }

  /**
   * Waits until all deliveries of so many sessions have arrived and their outcomes are written.
   *
   * @throws DeliveryError when they have not arrived in time
   */
  async delivered(sessions: number, timeoutMs = DELIVERED_WITHIN_MS): Promise<void> {
    await this.arrived(sessions, timeoutMs);
    const { db } = this.installation;
    const written = () => (this.options.anyBuild ? nothingOpenInAnyBuild(db) : nothingOpen(db));
    await waitFor('all outcomes to be written', written, { timeoutMs: WRITTEN_WITHIN_MS, intervalMs: 10 });
  }

  /** What the sessions added since the last `forgetSessions` make the hooks, or some of them, and the platform expect. */
  async expected(hooks: readonly Hook[] = this.hooks): Promise<Expected> {
    const byTenant = new Map(await this.core.call('sessionsByTenant'));
    const ofPlatform = (channel: string): Expected =>
      [...byTenant].map(([id, sessions]) => [`${channel}:${id}`, sessions]);
    return [
      ...ofPlatform('flow'),
      ...(this.options.analyses ? ofPlatform('analysis') : []),
      ...this.expectedAt(hooks, byTenant),
    ];
  }

  /** As `expected`, of the hooks alone. */
  async expectedAtHooks(hooks: readonly Hook[]): Promise<Expected> {
    return this.expectedAt(hooks, new Map(await this.core.call('sessionsByTenant')));
  }

  /**
   * Holds what was expected against what arrived, and begins anew.
   *
   * @returns how many deliveries arrived again
   * @throws DeliveryError when one is missing, or one arrived where nothing was expected
   */
  async check(): Promise<number> {
    const report = await this.receivers.call('report', await this.expected());
    const problems = [...problemsOf(withoutDuplicates(report)), ...(await this.core.call('violations')).slice(0, 3)];
    if (problems.length > 0) throw new DeliveryError(problems.join('; '));
    await this.receivers.call('clear');
    return report.duplicates.unexplained;
  }

  /** Removes all sessions from hbf-core. */
  async forgetSessions(): Promise<void> {
    await this.core.call('forget');
  }

  private expectedAt(hooks: readonly Hook[], byTenant: ReadonlyMap<string, string[]>): Expected {
    return hooks.map(({ id, tenantId }) => [`webhook:${id}`, byTenant.get(tenantId) ?? []]);
  }

  private async populate(): Promise<void> {
    const { thresholdSeconds, analyses: summarizes, anyBuild = false } = this.options;
    const tenants = { ids: this.tenants, organizationId: ORGANIZATION, thresholdSeconds, summarizes };
    await this.core.call('addTenants', tenants);
    await this.core.call('addAdmin', { token: ADMIN_TOKEN, organizationId: ORGANIZATION });
    if (anyBuild) return;
    await migrate(this.databaseUri);
    const integrations = this.hooks.map(({ id, tenantId, url }) => {
      return { id, organizationId: ORGANIZATION, tenants: [tenantId], url, signingSecret: HOOK_SECRET };
    });
    await insertIntegrations(this.installation.db, integrations);
  }

  /** Over the REST API, which is the same in every build; signed, like those of `populate`. */
  private async createHooks({ url: serviceUrl }: ServiceProcess): Promise<void> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    for (const { id, tenantId, url } of this.hooks) {
      const body = JSON.stringify({ url, tenants: [tenantId], enabled: true, errorEmailRecipients: [] });
      const target = `${serviceUrl}/organizations/${ORGANIZATION}/integrations`;
      const answer = await fetch(target, { method: 'POST', headers, body });
      const created = (await answer.json()) as { id?: number };
      if (created.id !== id) throw new Error(`hook ${id}: ${answer.status} ${JSON.stringify(created)}`);
    }
  }
}

function withoutDuplicates(report: ArrivalsReport): ArrivalsReport {
  return { ...report, unexplained: [] };
}
