import { existsSync } from 'node:fs';

/** The environment of this process; outside production, `.env` adds the variables that are not set. */
export function environment(): NodeJS.ProcessEnv {
  if (process.env['NODE_ENV'] !== 'production' && existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}
