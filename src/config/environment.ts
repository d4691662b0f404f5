import { existsSync } from 'node:fs';

/** The environment of this process; outside production with what `.env` adds to it. */
export function environment(): NodeJS.ProcessEnv {
  if (process.env['NODE_ENV'] !== 'production' && existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}
