import type { Collection, Db } from 'mongodb';
import type { Completion, SessionRecord } from '../../src/completions/completion.js';
import type { IntendedCompletion } from '../../src/completions/intent.repository.js';
import { waitFor } from '../support/wait-for.js';
import { Arrivals } from './arrivals.js';
import { dropDatabase, migrate } from './database.js';
import { Installation, type InstallationOptions } from './installation.js';
import { insertIntegration, type NewIntegration } from './integrations.js';
import { PlatformSimulator } from './platform/platform-simulator.js';
import { type ReceiverOptions, WebhookReceiver } from './receivers/webhook-receiver.js';
import { allSessions, completionsIn, intendedIn, nothingPending } from './record.js';
import { serviceEnvironment } from './service/service-environment.js';
import type { ServiceProcess } from './service/service-process.js';

export interface WorldOptions extends InstallationOptions {
  /** Variables of every process of the service, over those of `serviceEnvironment`. */
  env?: Record<string, string>;
  /** False: the service itself migrates the database. Default true. */
  migrated?: boolean;
}

export type IntegrationAtReceiver = Omit<NewIntegration, 'url'> & { url?: string };

/**
 * The test world: the platform's simulators and the customers' endpoints in this process, a database, and the built
 * service as one or several processes. `arrivals` gets what the platform and the endpoints accept.
 */
export class World {
  readonly arrivals = new Arrivals();
  readonly receivers: WebhookReceiver[] = [];

  private constructor(
    private readonly options: WorldOptions,
    readonly installation: Installation,
    readonly platform: PlatformSimulator,
  ) {
    noteArrivals(platform, this.arrivals);
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    if (options.databaseUri) await dropDatabase(options.databaseUri);
    const installation = await Installation.start(options);
    if (options.migrated !== false) await migrate(installation.databaseUri);
    return new World(options, installation, await PlatformSimulator.start());
  }

  get db(): Db {
    return this.installation.db;
  }

  get completions(): Collection<Completion> {
    return completionsIn(this.db);
  }

  /** Sessions that stand in an intent: their first outcomes are not written yet. */
  intended(): Promise<IntendedCompletion[]> {
    return intendedIn(this.db);
  }

  /** @returns every completion, those of intents included, by session id and revision */
  all(): Promise<Map<string, SessionRecord>> {
    return allSessions(this.db);
  }

  /** Starts the service; it may be killed before it is ready. */
  spawn(env: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.installation.spawn(this.environment(env));
  }

  /** The variables of a service in this world. */
  environment(env: Record<string, string> = {}): Record<string, string> {
    return serviceEnvironment(this.platform, this.installation.databaseUri, { ...this.options.env, ...env });
  }

  /** An endpoint at which integrations can be registered by `addIntegration`. */
  async addReceiver(options: ReceiverOptions = { keepBodies: false }): Promise<WebhookReceiver> {
    const receiver = await WebhookReceiver.start(options);
    receiver.onAccepted(({ path, sessionId, webhookId, at }) => {
      const destination = `webhook:${path.split('/').at(-1)}`;
      this.arrivals.note({ sessionId: sessionId ?? '', destination, at, webhookId });
    });
    this.receivers.push(receiver);
    return receiver;
  }

  /** A webhook integration; its id is the end of the path at the receiver, unless it has a `url` of its own. */
  async addIntegration(integration: IntegrationAtReceiver, receiver: WebhookReceiver): Promise<void> {
    await insertIntegration(this.db, { url: `${receiver.url}/${integration.id}`, ...integration });
  }

  /** Waits until hbf-core lists no session as ACTIVE, no intent is left, and no delivery is pending. */
  async allDelivered(timeoutMs: number): Promise<void> {
    const done = async () => this.platform.core.activeCount === 0 && (await nothingPending(this.db));
    await waitFor('every delivery to be made', done, { timeoutMs, intervalMs: 200 });
  }

  /** Kills what still runs, and takes the rest down. */
  async stop(): Promise<void> {
    await this.installation.killServices();
    await this.platform.stop();
    await Promise.all(this.receivers.map((receiver) => receiver.stop()));
    await this.installation.stop();
  }
}

/** Tells the bookkeeper of each trigger and each analysis that the platform accepts. */
export function noteArrivals({ publisher, nlp }: PlatformSimulator, arrivals: Arrivals): void {
  publisher.onTrigger(({ type, id, sessionId, tenantId, at }) => {
    const destination = type === 'survey-completed' ? `survey:${id}` : `flow:${tenantId}`;
    arrivals.note({ sessionId, destination, at });
  });
  nlp.onAnalysis(({ sessionId, tenantId, at }) => {
    arrivals.note({ sessionId, destination: `analysis:${tenantId}`, at });
  });
}
