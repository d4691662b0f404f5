import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Db } from 'mongodb';
import type { Completion } from '../../src/deliveries/completion.js';
import { DUE_INDEX } from '../../src/deliveries/completion.repository.js';
import { startEmbeddedMongodb } from '../../src/persistence/embedded-mongodb.js';
import { detectionsOf } from '../support/completions.js';
import { connect, databaseUri, migrate } from '../support/database.js';
import { insertIntegration } from '../support/integrations.js';
import { CORE_TOKEN } from '../support/planted-secrets.js';
import { measuredEnvironment } from '../support/service-environment.js';
import { ServiceProcess } from '../support/service-process.js';
import { waitFor } from '../support/wait-for.js';
import { type BenchOptions, LedgerError, preciseNow } from './bench.js';
import type { PlatformHandlers } from './platform.process.js';
import type { Owed } from './receivers.js';
import { Remote } from './rpc.js';
import type { SenderWorld } from './sender.process.js';
import type { SinkHandlers } from './sink.process.js';

export interface WorldOptions {
  tenants: number;
  hooksPerTenant: number;
  analyses: boolean;
  /** After which a session has ended. */
  thresholdSeconds: number;
}

export const ORGANIZATION = 'o1';
const PROFILER = join(__dirname, 'profile.cjs');
const AGE_MS = 600_000;
const PAID_WITHIN_MS = 400_000;

/** The parts that a service needs, each in a process of its own, on a database engine of its own. */
export class World {
  readonly tenants: string[];
  private readonly cleanups: (() => unknown)[] = [];

  private constructor(
    private readonly options: WorldOptions,
    readonly platform: Remote<PlatformHandlers>,
    readonly sink: Remote<SinkHandlers>,
    readonly databaseUri: string,
    private readonly database: Db,
    private readonly urls: { core: string; publisher: string; nlp: string; receivers: string[] },
  ) {
    this.tenants = Array.from({ length: options.tenants }, (_, index) => `t${index}`);
  }

  static async start(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'hbf-bench-'));
    const engine = await startEmbeddedMongodb(folder);
    const [platform, sink] = await Promise.all([
      Remote.start<PlatformHandlers>('platform.process.ts'),
      Remote.start<SinkHandlers>('sink.process.ts'),
    ]);
    const urls = { core: await platform.call('listen'), ...(await sink.call('listen')) };
    const uri = databaseUri(engine.uri, 'bench');
    const client = await connect(uri);
    const world = new World(options, platform, sink, uri, client.db(), urls);
    world.cleanups.push(
      () => rmSync(folder, { recursive: true, force: true }),
      () => engine.stop(),
      () => client.close(),
      () => sink.stop(),
      () => platform.stop(),
    );
    await world.populate();
    return world;
  }

  /** Hands out a world and takes it down again, whatever happens. */
  static async use<T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> {
    const world = await World.start(options);
    try {
      return await work(world);
    } finally {
      await world.stop();
    }
  }

  get hooks(): SenderWorld['hooks'] {
    const { receivers } = this.urls;
    return this.tenants.flatMap((tenantId, index) =>
      Array.from({ length: this.options.hooksPerTenant }, (_, n) => {
        const id = index * this.options.hooksPerTenant + n + 1;
        return { id, tenantId, url: `${receivers[id % receivers.length]}/hook/${id}`, secret: SECRET };
      }),
    );
  }

  get sender(): SenderWorld {
    const { core, publisher, nlp } = this.urls;
    const { tenants, hooks } = this;
    return {
      coreUrl: core,
      publisherUrl: publisher,
      nlpUrl: nlp,
      token: CORE_TOKEN,
      organizationId: ORGANIZATION,
      tenants,
      hooks,
    };
  }

  /** Debts that each session makes, surveys (looked up, none found) aside. */
  get debtsPerSession(): number {
    return 1 + (this.options.analyses ? 1 : 0) + this.options.hooksPerTenant;
  }

  /** The service, ready; documented defaults unless said otherwise, production logs of warnings only. */
  async startService(
    env: Record<string, string>,
    { root, profile }: Partial<BenchOptions> = {},
  ): Promise<ServiceProcess> {
    const flags: Record<string, string> = profile
      ? { NODE_OPTIONS: `--require ${PROFILER}`, BENCH_PROFILE_DIR: profile }
      : {};
    const service = await ServiceProcess.start({ ...this.environment, ...flags, ...env }, root ? { root } : {});
    this.cleanups.push(() => service.stop());
    await service.waitReady();
    return service;
  }

  get environment(): Record<string, string> {
    return measuredEnvironment(this.databaseUri, this.urls);
  }

  addExpired(count: number, more: { parked?: boolean } = {}): Promise<void> {
    return this.platform.call('addSessions', { tenants: this.tenants, count, ageMs: AGE_MS, ...more });
  }

  /** Lets the service loose on all parked sessions. @returns sessions a second, until the last outcome is written */
  async rateOfService(sessions: number): Promise<{ perSecond: number; seconds: number }> {
    await this.platform.call('release');
    await this.paid(sessions);
    const seconds = (preciseNow() - (await this.platform.call('firstScanAt'))!) / 1000;
    return { perSecond: sessions / seconds, seconds };
  }

  /** Waits until every debt of so many sessions is paid and written down. */
  async paid(sessions: number): Promise<void> {
    const debts = sessions * this.debtsPerSession;
    const { paid } = await this.sink.call('settled', { debts, timeoutMs: PAID_WITHIN_MS });
    if (paid < debts) throw new LedgerError(`${paid} of ${debts} debts were paid in ${PAID_WITHIN_MS} ms`);
    const completions = this.database.collection<Completion>('completions');
    const projection = { _id: 1 };
    const open = async () =>
      (await detectionsOf(this.database).findOne({}, { projection })) ??
      (await completions.findOne({ open: true, state: 'completed' }, { projection, hint: DUE_INDEX }));
    await waitFor('all outcomes to be written', async () => (await open()) === null, {
      timeoutMs: 60_000,
      intervalMs: 10,
    });
  }

  /**
   * Holds what was owed against what was accepted, and begins new books.
   *
   * @returns how many were accepted more than once
   * @throws LedgerError when a debt was not paid, or somebody heard what was not for him
   */
  async balance(): Promise<number> {
    const owed = await this.owed();
    const { missing, strangers, again } = await this.sink.call('balance', owed);
    const violations = await this.platform.call('violations');
    if (missing + strangers > 0) throw new LedgerError(`${missing} debts not paid, ${strangers} paid to the wrong one`);
    if (violations.length > 0) throw new LedgerError(violations.slice(0, 3).join('; '));
    await this.sink.call('reset');
    return again;
  }

  /** The sessions so far are out of the books, at hbf-core too. */
  async forgetSessions(): Promise<void> {
    await this.platform.call('forget');
  }

  async stop(): Promise<void> {
    for (const cleanup of this.cleanups.reverse()) await cleanup();
  }

  private async owed(): Promise<Owed> {
    const byTenant = await this.platform.call('sessionsByTenant');
    const all = byTenant.flatMap(([, ids]) => ids);
    const hooks = this.hooks;
    return [
      ['flow', all],
      ...(this.options.analyses ? [['analysis', all] as [string, string[]]] : []),
      ...byTenant.flatMap(([tenantId, ids]) =>
        hooks.filter((hook) => hook.tenantId === tenantId).map(({ id }): [string, string[]] => [`webhook:${id}`, ids]),
      ),
    ];
  }

  private async populate(): Promise<void> {
    const { thresholdSeconds, analyses: summarizes } = this.options;
    await this.platform.call('addTenants', {
      ids: this.tenants,
      organizationId: ORGANIZATION,
      thresholdSeconds,
      summarizes,
    });
    await migrate(this.databaseUri);
    for (const { id, tenantId, url, secret } of this.hooks) {
      const integration = { id, organizationId: ORGANIZATION, tenants: [tenantId], url, signingSecret: secret };
      await insertIntegration(this.database, integration);
    }
  }
}

const SECRET = `whsec_${randomBytes(24).toString('base64')}`;
