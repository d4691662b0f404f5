import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import mongoose, { type Connection } from 'mongoose';
import { setTimeout as delay } from 'node:timers/promises';
import { Config } from '../config/config.js';
import { Clock, type ClockReading } from './clock.js';
import { type EmbeddedMongodb, startEmbeddedMongodb } from './embedded-mongodb.js';

const DEFAULT_DATABASE = 'hbf-session-manager';
const RETRY_MS = 2_000;
const PING_TIMEOUT_MS = 2_000;
const CLOCK_CHECK_MS = 60_000;
const CLOCK_READINGS = 5;

/** A step, such as the migrations, that runs on a new connection before `whenReady` resolves. */
export type Prepare = () => Promise<void>;

/**
 * The process' one mongoose connection. It is opened in the background: without a database the process starts and its
 * jobs wait; when the database goes away later, the driver connects again by itself. `whenReady` resolves once the
 * connection is open and prepared (migrations); jobs use no collection before. Only the embedded engine is started before
 * the service listens: one that does not start ends the process, as trying again does not help.
 */
@Injectable()
export class Database implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  readonly connection: Connection = mongoose.createConnection();

  private readonly logger = new Logger(Database.name);
  private readonly stopping = new AbortController();
  private readonly preparations: Prepare[] = [];
  private readonly ready: Promise<void>;
  private markReady: () => void;
  private isReady = false;
  private opening?: Promise<void>;
  private engine?: Promise<EmbeddedMongodb>;
  private clockTimer?: NodeJS.Timeout;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
  ) {
    this.ready = new Promise((resolve) => (this.markReady = resolve));
    this.connection.set('bufferCommands', false); // fail at once while it is away, instead of piling up in memory
    this.connection.on('disconnected', () => {
      if (this.isReady && !this.stopping.signal.aborted) this.logger.warn('the database is away');
    });
    this.connection.on('reconnected', () => this.logger.log('the database is back'));
    this.connection.on('error', () => undefined); // each caller sees its own error
  }

  /** Adds a step that runs on the fresh connection; called while modules are initialised. */
  prepareWith(step: Prepare): void {
    this.preparations.push(step);
  }

  /** @throws EmbeddedMongodbError when the embedded engine is to be used and does not start */
  async onModuleInit(): Promise<void> {
    if (this.config.mongodbUri) return;
    this.logger.log({ folder: this.config.embeddedMongodbDir }, 'the embedded database engine is being started');
    try {
      await this.startEngine();
    } catch (error) {
      if (!this.stopping.signal.aborted) throw error;
      await new Promise(() => undefined); // a signal came: the service must not listen any more, and exits 0
    }
  }

  onApplicationBootstrap(): void {
    this.opening = this.openUntilReady();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.clockTimer);
    await this.opening;
    await this.connection.close();
    const engine = await this.engine?.catch(() => undefined);
    await engine?.stop();
  }

  /** Resolves when collections may be used; pending, without a time-out, until the database has been opened once. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  /** @returns whether the database is prepared and answers a ping within two seconds */
  async answers(): Promise<boolean> {
    if (!this.isReady) return false;
    const ping = this.connection.db!.admin().command({ ping: 1, maxTimeMS: PING_TIMEOUT_MS });
    const late = delay(PING_TIMEOUT_MS, false, { ref: false });
    return Promise.race([ping.then(() => true).catch(() => false), late]);
  }

  private async openUntilReady(): Promise<void> {
    for (let attempt = 1; !this.stopping.signal.aborted; attempt++) {
      try {
        await this.open();
        return;
      } catch (error) {
        const reason = (error as Error).message;
        this.logger.error({ attempt, reason, nextAttemptInMs: RETRY_MS }, 'the database could not be opened');
        await delay(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  /**
   * Opens and prepares the connection once. The service is opened in the background, until it succeeds.
   *
   * @throws Error when the database is away (after five seconds) or cannot be prepared
   */
  async open(): Promise<void> {
    if (this.connection.readyState !== mongoose.ConnectionStates.connected) {
      const uri = this.config.mongodbUri ?? (await this.startEngine()).uri;
      await this.connection.openUri(uri, {
        dbName: /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1] ?? DEFAULT_DATABASE,
        autoIndex: false, // indexes are made in migrations/
        autoCreate: false,
        serverSelectionTimeoutMS: 5_000,
        // Without `journal` acknowledged writes were lost in each of five kills of the engine.
        writeConcern: { w: 'majority', journal: true },
        readConcern: { level: 'local' },
      });
    }
    await this.correctClock();
    for (const prepare of this.preparations) await prepare();
    this.clockTimer ??= setInterval(() => void this.correctClock().catch(() => undefined), CLOCK_CHECK_MS).unref();
    this.isReady = true;
    this.markReady();
    this.logger.log({ embedded: this.engine !== undefined }, 'the database is ready');
  }

  private startEngine(): Promise<EmbeddedMongodb> {
    this.engine ??= startEmbeddedMongodb(this.config.embeddedMongodbDir, this.stopping.signal);
    return this.engine;
  }

  private async correctClock(): Promise<void> {
    const readings: ClockReading[] = [];
    while (readings.length < CLOCK_READINGS) {
      const sentAt = Date.now();
      const [server] = await this.connection
        .db!.aggregate<{ now: Date }>([{ $documents: [{}] }, { $project: { now: '$$NOW' } }])
        .toArray();
      readings.push({ serverTime: server!.now.getTime(), sentAt, receivedAt: Date.now() });
    }
    this.clock.correct(readings);
  }
}
