import type { Db, MongoClient } from 'mongodb';
import type { Completion } from '../../src/deliveries/completion.js';
import { allCompletions, detectionsOf } from '../support/completions.js';
import { connect, dropDatabase, testDatabaseUri } from '../support/database.js';
import { insertIntegration, type NewIntegration } from '../support/integrations.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { ServiceProcess } from '../support/service-process.js';
import { waitFor } from '../support/wait-for.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

/** A platform and a database, on which the built service (dist/main.js) runs as one or several processes. */
export class ProcessRound {
  private readonly receivers: WebhookReceiver[] = [];
  private readonly services: ServiceProcess[] = [];

  private constructor(
    readonly platform: PlatformSimulator,
    readonly client: MongoClient,
    readonly env: Record<string, string>,
  ) {}

  /** @param name of the database; one per test file */
  static async start(name: string, env: Record<string, string> = {}): Promise<ProcessRound> {
    const databaseUri = testDatabaseUri(name);
    await dropDatabase(databaseUri);
    const platform = await PlatformSimulator.start();
    const environment = serviceEnvironment(platform, databaseUri, {
      NODE_ENV: 'production',
      LOG_LEVEL: 'info',
      CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02',
      ...env,
    });
    return new ProcessRound(platform, await connect(databaseUri), environment);
  }

  get db(): Db {
    return this.client.db();
  }

  get completions() {
    return this.db.collection<Completion>('completions');
  }

  /** Spawns the service; it may be killed before it is ready. */
  async spawn(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = await ServiceProcess.start({ ...this.env, ...env });
    this.services.push(service);
    return service;
  }

  /** A tenant of `org-<id>` whose sessions end after ten minutes. */
  addTenant(id: string): void {
    this.platform.core.addTenant({ id, organizationId: `org-${id}`, expireAfterSeconds: 600 });
  }

  /** Sessions whose users wrote twenty minutes ago. @returns their ids, sorted */
  addSessions(tenantId: string, count: number): string[] {
    const lastInteraction = new Date(Date.now() - 20 * 60_000);
    return Array.from({ length: count }, () => this.platform.core.addSession({ tenantId, lastInteraction }).id).sort();
  }

  async addWebhook(integration: Pick<NewIntegration, 'id' | 'organizationId' | 'tenants'>, keepBodies = true) {
    const receiver = await WebhookReceiver.start({ keepBodies });
    this.receivers.push(receiver);
    await insertIntegration(this.db, { ...integration, url: receiver.url });
    return receiver;
  }

  /**
   * Waits until that many sessions are completed and nothing is owed any more. `open` is not asked: after a kill
   * between an outcome and that mark it is put right by the hourly purge.
   */
  async allPaid(sessions: number, timeoutMs = 40_000): Promise<Map<string, Completion>> {
    const paid = async () =>
      (await this.completions.countDocuments()) >= sessions &&
      (await detectionsOf(this.db).countDocuments()) === 0 &&
      (await this.completions.countDocuments({ 'deliveries.state': 'owed' })) === 0;
    await waitFor(`${sessions} sessions to be paid`, paid, { timeoutMs, intervalMs: 50 });
    return this.all();
  }

  all(): Promise<Map<string, Completion>> {
    return allCompletions(this.db);
  }

  /** How often hbf-core was told of each of the sessions, and hbf-event-publisher. */
  timesTold(sessionIds: readonly string[]): { completed: number[]; triggered: number[] } {
    const triggers = new Map<string, number>();
    for (const { id } of this.platform.publisher.triggers) triggers.set(id, (triggers.get(id) ?? 0) + 1);
    return {
      completed: sessionIds.map((id) => this.platform.core.ledger.get(id)?.count ?? 0),
      triggered: sessionIds.map((id) => triggers.get(id) ?? 0),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
    await this.platform.stop();
    await Promise.all(this.receivers.map((receiver) => receiver.stop()));
    await this.client.close();
  }
}

/** The sessions a receiver was told of, sorted; with repetitions. */
export function sessionsHeard(receiver: WebhookReceiver): string[] {
  return receiver.received.map(({ sessionId }) => sessionId ?? '').sort();
}
