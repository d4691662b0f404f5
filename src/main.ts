import 'reflect-metadata';
import { bootstrap } from './bootstrap.js';
import { Config } from './config/config.js';
import { environment } from './config/environment.js';

async function main(): Promise<void> {
  await bootstrap(Config.fromEnvironment(environment()));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
