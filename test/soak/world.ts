import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Owed } from '../bench/receivers.js';
import { Remote } from '../bench/rpc.js';
import { startEmbeddedMongodb } from '../../src/persistence/embedded-mongodb.js';
import { connect, databaseUri, migrate } from '../support/database.js';
import { insertIntegration } from '../support/integrations.js';
import { measuredEnvironment } from '../support/service-environment.js';
import { ServiceProcess } from '../support/service-process.js';
import type { CoreHandlers } from './core.process.js';
import type { ReceiverHandlers } from './receivers.process.js';

export const TENANTS = 100;
export const HOOKS_PER_TENANT = 2;
/** Pause between two session checks: a sixtieth of the documented five minutes. */
export const CHECK_INTERVAL_MS = 5_000;
/** The least that can be set. */
export const RETENTION_DAYS = 1;

const ORGANIZATION = 'o1';
const THRESHOLD_SECONDS = 1;
const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

interface Hook {
  id: number;
  tenantId: string;
}

export interface WorldOptions {
  /** Milliseconds that slow endpoints take to answer. */
  slowMs: number;
  /** Folder of the repository whose `dist` is run; by default this one. */
  root?: string;
}

/** The service and all that it talks to, each in a process of its own, on a database engine of its own. */
export class World {
  readonly tenants = Array.from({ length: TENANTS }, (_, index) => `t${index}`);
  readonly hooks: readonly Hook[] = this.tenants.flatMap((tenantId, index) =>
    Array.from({ length: HOOKS_PER_TENANT }, (_, n) => ({ id: index * HOOKS_PER_TENANT + n + 1, tenantId })),
  );
  /** One in a hundred answers 500, for ever; one in ten takes two seconds. */
  readonly failing = this.hooks.filter(({ id }) => id % 100 === 1);
  readonly slow = this.hooks.filter(({ id }) => id % 10 === 5);

  private readonly cleanups: (() => unknown)[] = [];
  core: Remote<CoreHandlers>;
  receivers: Remote<ReceiverHandlers>;
  service: ServiceProcess;
  databaseUri: string;

  private constructor(private readonly options: WorldOptions) {}

  static async use<T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> {
    const world = new World(options);
    try {
      await world.start();
      return await work(world);
    } finally {
      for (const cleanup of world.cleanups.reverse()) await cleanup();
    }
  }

  /** Sessions that ended are owed to these; surveys (looked up, none found) aside. */
  async owed(): Promise<{ kept: Owed; failing: Owed }> {
    const byTenant = new Map(await this.core.call('sessionsByTenant'));
    const all = [...byTenant.values()].flat();
    const toHooks = (hooks: readonly Hook[]): Owed =>
      hooks.map(({ id, tenantId }) => [`webhook:${id}`, byTenant.get(tenantId) ?? []]);
    const well = this.hooks.filter((hook) => !this.failing.includes(hook));
    return { kept: [['flow', all], ['analysis', all], ...toHooks(well)], failing: toHooks(this.failing) };
  }

  private async start(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'hbf-soak-'));
    this.cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const engine = await startEmbeddedMongodb(folder);
    this.cleanups.push(() => engine.stop());
    this.databaseUri = databaseUri(engine.uri, 'soak');
    this.core = await Remote.start<CoreHandlers>('../soak/core.process.ts');
    this.cleanups.push(() => this.core.stop());
    this.receivers = await Remote.start<ReceiverHandlers>('../soak/receivers.process.ts');
    this.cleanups.push(() => this.receivers.stop());
    const coreUrl = await this.core.call('listen');
    const { publisher, nlp, webhooks } = await this.receivers.call('listen');
    await this.populate(webhooks);
    const { root } = this.options;
    const environment = {
      ...measuredEnvironment(this.databaseUri, { core: coreUrl, publisher, nlp }),
      CHAT_SESSION_CHECK_INTERVAL_IN_MINS: String(CHECK_INTERVAL_MS / 60_000),
      DELIVERY_RETENTION_IN_DAYS: String(RETENTION_DAYS),
    };
    this.service = await ServiceProcess.start(environment, root ? { root } : {});
    this.cleanups.push(() => this.service.stop());
    await this.service.waitReady();
  }

  private async populate(webhooks: string): Promise<void> {
    const names = (hooks: readonly Hook[]) => hooks.map(({ id }) => `webhook:${id}`);
    await this.receivers.call('behave', {
      failing: names(this.failing),
      slow: names(this.slow),
      slowMs: this.options.slowMs,
    });
    const tenants = { ids: this.tenants, organizationId: ORGANIZATION, thresholdSeconds: THRESHOLD_SECONDS };
    await this.core.call('addTenants', tenants);
    await migrate(this.databaseUri);
    const client = await connect(this.databaseUri);
    for (const { id, tenantId } of this.hooks) {
      const url = `${webhooks}/hook/${id}`;
      const more = { organizationId: ORGANIZATION, tenants: [tenantId], signingSecret: SECRET };
      await insertIntegration(client.db(), { id, url, ...more });
    }
    await client.close();
  }
}
