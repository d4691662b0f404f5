import { Logger } from 'nestjs-pino';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../src/app.module.js';
import { Config } from '../../src/config/config.js';
import { IntegrationsModule } from '../../src/integrations/integrations.module.js';
import { setUpApi } from '../../src/operations/api.js';
import { Database } from '../../src/persistence/database.js';

export async function startService(env: Record<string, string>) {
  const config = Config.fromEnvironment({ PORT: '0', MIGRATIONS_ON_START: 'false', ...env });
  const module = AppModule.for(config);
  if (!module.imports!.includes(IntegrationsModule)) module.imports!.push(IntegrationsModule);
  const app = await NestFactory.create(module, { bufferLogs: true, abortOnError: false, routeConflictPolicy: { duplicate: 'error' } });
  app.useLogger(app.get(Logger));
  setUpApi(app);
  await app.listen(0);
  await app.get(Database).whenReady();
  const db = app.get(Database).connection.db;
  for (const f of require('node:fs').readdirSync('migrations').sort()) await require(`../../migrations/${f}`).up(db);
  return { app, url: (await app.getUrl()).replace('[::1]', '127.0.0.1').replace(/\/$/, ''), get: (t: any) => app.get(t, { strict: false }) as any, stop: () => app.close() };
}
