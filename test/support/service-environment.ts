import type { PlatformSimulator } from './platform-simulator.js';

/** Encrypts secrets in tests: 32 bytes, base64. */
export const TEST_ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

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
