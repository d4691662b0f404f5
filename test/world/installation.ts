import type { Db, MongoClient } from 'mongodb';
import { connect, databaseUri } from './database.js';
import { Engine } from './engine.js';
import { type LogLine, ServiceProcess } from './service/service-process.js';

const WARN = 40;

export interface InstallationOptions {
  /** A database that exists already and outlives the installation; by default one on an engine of its own. */
  databaseUri?: string;
  /** Folder of the repository whose `dist` runs; by default this one. */
  root?: string;
  /** Is given every log line of all processes. */
  onLog?: (line: LogLine) => void;
}

/** A database and the processes of the service that work on it. */
export class Installation {
  /** Warnings and errors of all processes, by message. */
  readonly warnings = new Map<string, number>();
  private readonly services: ServiceProcess[] = [];

  private constructor(
    private readonly options: InstallationOptions,
    readonly databaseUri: string,
    readonly client: MongoClient,
    private readonly ownEngine: Engine | undefined,
  ) {}

  static async start(options: InstallationOptions = {}): Promise<Installation> {
    if (options.databaseUri) {
      return new Installation(options, options.databaseUri, await connect(options.databaseUri), undefined);
    }
    const engine = await Engine.start();
    const uri = databaseUri(engine.uri, 'sessions');
    return new Installation(options, uri, await connect(uri), engine);
  }

  get db(): Db {
    return this.client.db();
  }

  /** @throws Error when the database is another's */
  get engine(): Engine {
    if (!this.ownEngine) throw new Error('the engine is not of this installation');
    return this.ownEngine;
  }

  /** Starts the service with these variables alone; it may be killed before it is ready. */
  async spawn(env: Record<string, string>): Promise<ServiceProcess> {
    const { root } = this.options;
    const service = await ServiceProcess.start(env, root ? { root } : {});
    service.onLog((line) => this.note(line));
    this.services.push(service);
    return service;
  }

  async killServices(): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
  }

  /** Services that still run are asked to stop before their database goes away. */
  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()));
    await this.client.close(true);
    await this.ownEngine?.stop();
  }

  private note(line: LogLine): void {
    const { level, msg = '' } = line;
    this.options.onLog?.(line);
    if (level >= WARN) this.warnings.set(msg, (this.warnings.get(msg) ?? 0) + 1);
  }
}
