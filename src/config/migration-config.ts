import { Config } from './config.js';
import { EnvVar, readEnvironment } from './env-var.js';
import { mongodbUri } from './value-types.js';

/** The configuration of `npm run migrate`: of all variables only MONGODB_URI is read, and it is required. */
export class MigrationConfig extends Config {
  @EnvVar('MONGODB_URI', mongodbUri, { required: 'always', secret: true, meaning: 'the database that is migrated' })
  override readonly mongodbUri: string;

  override readonly migrationsOnStart = true;

  /** @throws ConfigError when MONGODB_URI is missing or no MongoDB URI */
  static override fromEnvironment(env: NodeJS.ProcessEnv): MigrationConfig {
    const config = new MigrationConfig();
    readEnvironment(config, env);
    return config;
  }
}
