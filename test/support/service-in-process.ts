import type { INestApplication, Type } from '@nestjs/common';
import { bootstrap } from '../../src/bootstrap.js';
import { Config } from '../../src/config/config.js';
import { Database } from '../../src/persistence/database.js';
import { migrate } from './database.js';

/** The service inside the test's own process, so that a test can call its methods. */
export interface RunningService {
  app: INestApplication;
  /** Without a slash at the end. */
  url: string;
  /** The one instance of a provider, wherever it lives. */
  get<T>(token: Type<T>): T;
  stop(): Promise<void>;
}

/**
 * Starts what ships, with `serviceEnvironment(…)` or the like, and waits until the database is prepared. The migrations
 * are applied beforehand: migrate-mongo cannot be loaded by jest. Tests with ServiceProcess run it for real.
 */
export async function startService(env: Record<string, string>): Promise<RunningService> {
  await migrate(env['MONGODB_URI']!);
  const app = await bootstrap(Config.fromEnvironment({ PORT: '0', ...env, MIGRATIONS_ON_START: 'false' }));
  await app.get(Database).whenReady();
  return {
    app,
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1').replace(/\/$/, ''),
    get: (token) => app.get(token, { strict: false }),
    stop: () => app.close(),
  };
}
