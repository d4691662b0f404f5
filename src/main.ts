import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { bootstrap } from './bootstrap.js';
import { Config } from './config/config.js';

async function main(): Promise<void> {
  if (process.env['NODE_ENV'] !== 'production' && existsSync('.env')) process.loadEnvFile('.env');
  await bootstrap(Config.fromEnvironment(process.env));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
