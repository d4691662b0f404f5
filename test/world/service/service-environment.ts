import { Config } from '../../../src/config/config.js';
import { CORE_TOKEN } from '../planted-secrets.js';
import type { PlatformSimulator } from '../platform/platform-simulator.js';

/** Encrypts secrets in tests: 32 bytes, base64. */
export const TEST_ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

/** The configuration of a unit that calls no service: required variables are set, the rest by default unless `more` says so. */
export function testConfig(more: NodeJS.ProcessEnv = {}): Config {
  return Config.fromEnvironment({
    CORE_URL: 'http://core.test',
    CORE_TOKEN: 'token',
    EVENT_PUBLISHER_URL: 'http://publisher.test',
    NLP_URL: 'http://nlp.test',
    ...more,
  });
}

/**
 * Variables for a service that works on the simulator: both jobs switched off (tests call their methods, or set
 * intervals), quiet logs, webhooks to loopback allowed, retries within a second.
 */
export function serviceEnvironment(
  platform: PlatformSimulator,
  mongodbUri: string,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    PORT: '0',
    MONGODB_URI: mongodbUri,
    SECRETS_ENCRYPTION_KEY: TEST_ENCRYPTION_KEY,
    CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0',
    NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0',
    DELIVERY_RETRY_SCHEDULE: '100ms,200ms,400ms',
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
    ...platform.environment,
    ...more,
  };
}

/**
 * Variables for a service that is measured: documented defaults as in production, warnings only in the log, webhooks to
 * loopback allowed, no look for pipelines.
 */
export function measuredEnvironment(
  mongodbUri: string,
  urls: { core: string; publisher: string; nlp: string },
): Record<string, string> {
  return {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    MONGODB_URI: mongodbUri,
    SECRETS_ENCRYPTION_KEY: TEST_ENCRYPTION_KEY,
    CORE_TOKEN,
    CORE_URL: urls.core,
    EVENT_PUBLISHER_URL: urls.publisher,
    NLP_URL: urls.nlp,
    NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0',
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_PRIVATE_CIDRS: '127.0.0.0/8',
  };
}
