import { randomBytes } from 'node:crypto';
import type { Db } from 'mongodb';
import { freePort, portIsFree } from '../support/ports.js';
import { databaseUri, dropDatabase } from '../world/database.js';
import { Installation } from '../world/installation.js';
import { insertIntegration } from '../world/integrations.js';
import { PlatformSimulator } from '../world/platform/platform-simulator.js';
import { SmtpSink } from '../world/receivers/smtp-sink.js';
import { WebhookReceiver } from '../world/receivers/webhook-receiver.js';
import { serviceEnvironment } from '../world/service/service-environment.js';
import type { LogLine, ServiceProcess } from '../world/service/service-process.js';
import { DEFAULT_THRESHOLD_SECONDS, INTEGRATIONS, populate } from './customers.js';

const USUAL_PORT = 3002;
const FAILS_EVERY = 4;

/** Everything that runs in a sandbox. */
export interface Stage {
  platform: PlatformSimulator;
  receivers: Record<'steady' | 'moody', WebhookReceiver>;
  smtp: SmtpSink;
  service: ServiceProcess;
}

/** Takes down one part; they run in reverse order of the start, also when the start failed half-way. */
export type Cleanup = () => Promise<void>;

/**
 * @param cleanups filled on the way, so that a start that fails half-way can be taken down too
 * @param beforeService called when all but the service runs
 * @param onLog is given every log line of the service
 */
export async function setStage(
  cleanups: Cleanup[],
  beforeService: (stage: Omit<Stage, 'service'>) => void,
  onLog: (line: LogLine) => void,
): Promise<Stage> {
  const keep = <T extends { stop(): Promise<unknown> }>(part: T): T => {
    cleanups.push(async () => void (await part.stop()));
    return part;
  };
  const platform = keep(await PlatformSimulator.start());
  populate(platform);
  const secrets = INTEGRATIONS.map(() => `whsec_${randomBytes(24).toString('base64')}`);
  const receivers = {
    steady: keep(await WebhookReceiver.start({ keepBodies: false })),
    moody: keep(await WebhookReceiver.start({ keepBodies: false })),
  };
  receivers.moody.failEvery(FAILS_EVERY);
  const smtp = keep(await SmtpSink.start());
  const installation = keep(await install(cleanups, onLog));
  await insertIntegrations(installation.db, receivers, secrets);
  beforeService({ platform, receivers, smtp });
  const service = await installation.spawn(await environment(platform, smtp, installation.databaseUri));
  return { platform, receivers, smtp, service };
}

/** On a database of MONGODB_URI when that is set, else on an engine that goes away with the sandbox. */
async function install(cleanups: Cleanup[], onLog: (line: LogLine) => void): Promise<Installation> {
  const given = process.env['MONGODB_URI'];
  if (!given) return Installation.start({ onLog });
  const uri = databaseUri(given, `sandbox-${process.pid}`);
  cleanups.push(() => dropDatabase(uri));
  return Installation.start({ databaseUri: uri, onLog });
}

async function insertIntegrations(db: Db, receivers: Stage['receivers'], secrets: string[]): Promise<void> {
  for (const [index, integration] of INTEGRATIONS.entries()) {
    const { id, organizationId, tenants, receiver, signed, enabled = true } = integration;
    await insertIntegration(db, {
      id,
      organizationId,
      tenants,
      enabled,
      url: `http://127.0.0.1:${receivers[receiver].port}/integrations/${id}`,
      headers: { 'x-api-key': `key-of-integration-${id}` },
      ...(signed ? { signingSecret: secrets[index]! } : {}),
      errorEmailRecipients: [`it@${organizationId}.example.com`],
    });
  }
  for (const name of ['steady', 'moody'] as const) {
    receivers[name].useSecrets(
      secrets.filter((_, index) => INTEGRATIONS[index]!.signed && INTEGRATIONS[index]!.receiver === name),
    );
  }
}

async function environment(platform: PlatformSimulator, smtp: SmtpSink, uri: string): Promise<Record<string, string>> {
  return serviceEnvironment(platform, uri, {
    ...smtp.environment,
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    PORT: String((await portIsFree(USUAL_PORT)) ? USUAL_PORT : await freePort()),
    SWAGGER_ENABLED: 'true',
    CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02',
    NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: '0.1',
    BOT_EXPIRE_CONVERSATION_AFTER_DEFAULT_VALUE: String(DEFAULT_THRESHOLD_SECONDS),
    DELIVERY_RETRY_SCHEDULE: '1s,2s,3s,5s,5s,5s',
    ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0.5',
    OPERATOR_EMAIL_RECIPIENTS: 'operators@example.com',
  });
}
