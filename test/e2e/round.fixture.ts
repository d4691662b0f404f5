import type { Db, MongoClient } from 'mongodb';
import type { Completion } from '../../src/deliveries/completion.js';
import type { CheckFigures } from '../../src/sessions/check-figures.js';
import { SessionCheckScheduler } from '../../src/sessions/session-check.scheduler.js';
import { allCompletions, detectionsOf } from '../support/completions.js';
import { connect, dropDatabase, testDatabaseUri } from '../support/database.js';
import { insertIntegration, type NewIntegration } from '../support/integrations.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { type RunningService, startService } from '../support/service-in-process.js';
import { waitFor } from '../support/wait-for.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

const MINUTE_MS = 60_000;

/** A platform, a database of its own, and the service on both; each test begins with `Round.start`. */
export class Round {
  private readonly receivers: WebhookReceiver[] = [];
  private nextIntegration = 1;

  private constructor(
    readonly platform: PlatformSimulator,
    readonly databaseUri: string,
    readonly client: MongoClient,
    readonly env: Record<string, string>,
    public service: RunningService,
  ) {}

  /** @param name of the database; one per test file */
  static async start(name: string, env: Record<string, string> = {}): Promise<Round> {
    const databaseUri = testDatabaseUri(name);
    await dropDatabase(databaseUri);
    const platform = await PlatformSimulator.start();
    const environment = serviceEnvironment(platform, databaseUri, env);
    const client = await connect(databaseUri);
    return new Round(platform, databaseUri, client, environment, await startService(environment));
  }

  get core() {
    return this.platform.core;
  }

  get db(): Db {
    return this.client.db();
  }

  get completions() {
    return this.db.collection<Completion>('completions');
  }

  /** One session check. @throws Error when it failed as a whole */
  async check(): Promise<CheckFigures> {
    const figures = await this.service.get(SessionCheckScheduler).runNow();
    if (!figures) throw new Error('the session check failed');
    return figures;
  }

  /** A tenant of `org-<id>` unless said otherwise, whose sessions end after ten minutes. */
  addTenant(id: string, more: Partial<Parameters<PlatformSimulator['core']['addTenant']>[0]> = {}): void {
    this.core.addTenant({ id, organizationId: `org-${id}`, expireAfterSeconds: 600, ...more });
  }

  /** A session whose user wrote last that many minutes ago. */
  addSession(
    tenantId: string,
    idleMinutes: number,
    more: Partial<Parameters<PlatformSimulator['core']['addSession']>[0]> = {},
  ): string {
    const lastInteraction = new Date(Date.now() - idleMinutes * MINUTE_MS);
    return this.core.addSession({ tenantId, lastInteraction, ...more }).id;
  }

  /** A customer's endpoint and the integration that points at it. */
  async addWebhook(tenantId: string, more: Partial<NewIntegration> = {}): Promise<WebhookReceiver> {
    const receiver = await WebhookReceiver.start();
    this.receivers.push(receiver);
    await insertIntegration(this.db, {
      id: this.nextIntegration++,
      organizationId: `org-${tenantId}`,
      tenants: [tenantId],
      url: receiver.url,
      ...more,
    });
    return receiver;
  }

  /** Waits until nothing is owed any more. @returns all completions, by session id and revision */
  async allPaid(timeoutMs = 10_000): Promise<Map<string, Completion>> {
    const paid = async () =>
      (await detectionsOf(this.db).countDocuments()) === 0 &&
      (await this.completions.countDocuments({ open: true })) === 0;
    await waitFor('everything to be paid', paid, { timeoutMs });
    return this.all();
  }

  all(): Promise<Map<string, Completion>> {
    return allCompletions(this.db);
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.platform.stop();
    await Promise.all(this.receivers.map((receiver) => receiver.stop()));
    await this.client.close();
  }
}
