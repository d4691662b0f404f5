import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../../src/app.module.js';
import { bootstrap, serve } from '../../../src/bootstrap.js';
import { Config } from '../../../src/config/config.js';
import { Database } from '../../../src/persistence/database.js';
import { migrate } from '../database.js';

/** The service inside the test's own process, so that a test can call its methods. */
export interface RunningService {
  app: INestApplication;
  /** Without a slash at the end. */
  url: string;
  /** The one instance of a provider, wherever it lives. */
  get<T>(token: Type<T>): T;
  stop(): Promise<void>;
}

/** A provider of the service, and what stands in its place. */
export type Override = readonly [provider: Type | symbol, value: unknown];
/** Made anew for each start, as an instance lives as long as the service that closes it. */
export type Overrides = (config: Config) => readonly Override[];

/**
 * Starts what ships, with `serviceEnvironment(…)` or the like, and waits until the database is prepared. The migrations
 * are applied beforehand: migrate-mongo cannot be loaded by jest. Tests with ServiceProcess run it for real.
 *
 * @param overrides what takes the place of some of its providers
 */
export async function startService(env: Record<string, string>, overrides?: Overrides): Promise<RunningService> {
  await migrate(env['MONGODB_URI']!);
  const config = Config.fromEnvironment({ PORT: '0', ...env, MIGRATIONS_ON_START: 'false' });
  const app = overrides ? await serve(await appWith(config, overrides(config)), config) : await bootstrap(config);
  await app.get(Database).whenReady();
  return {
    app,
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1').replace(/\/$/, ''),
    get: (token) => app.get(token, { strict: false }),
    stop: () => app.close(),
  };
}

async function appWith(config: Config, overrides: readonly Override[]): Promise<INestApplication> {
  const builder = Test.createTestingModule({ imports: [AppModule.for(config)] });
  for (const [provider, value] of overrides) builder.overrideProvider(provider).useValue(value);
  return (await builder.compile()).createNestApplication({ bufferLogs: true });
}
