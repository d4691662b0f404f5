import { type INestApplication, ShutdownSignal } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { publishedWebhooks } from './api/published-webhooks.js';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { setUpApi } from './http/api-setup.js';

/**
 * Starts the service as it ships; main.ts and the e2e tests both call this. It listens before the database is there:
 * readiness tells the difference. Only an embedded engine is started before.
 *
 * @throws EmbeddedMongodbError when that does not start
 */
export async function bootstrap(config: Config): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule.for(config), {
    bufferLogs: true,
    abortOnError: false,
    bodyParser: false, // setUpApi has its own, for JSON alone
    routeConflictPolicy: { duplicate: 'error' },
  });
  return serve(app, config);
}

/** Sets the application up and lets it listen. @returns the same application */
export async function serve(app: INestApplication, config: Config): Promise<INestApplication> {
  app.useLogger(app.get(Logger));
  app.flushLogs(); // by default Nest keeps all lines until the start is over, which may wait for an embedded engine
  setUpApi(app, publishedWebhooks);
  // exit code 0 after a clean stop instead of re-raising the signal (143)
  app.enableShutdownHooks([ShutdownSignal.SIGTERM, ShutdownSignal.SIGINT], { useProcessExit: true });
  await app.listen(config.port);
  return app;
}
