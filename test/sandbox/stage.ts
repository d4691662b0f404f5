import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedMongodb } from '../../src/persistence/embedded-mongodb.js';
import { connect, databaseUri, dropDatabase } from '../support/database.js';
import { insertIntegration } from '../support/integrations.js';
import { PlatformSimulator } from '../support/platform-simulator.js';
import { serviceEnvironment } from '../support/service-environment.js';
import { freePort, portIsFree } from '../support/ports.js';
import { ServiceProcess } from '../support/service-process.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { DEFAULT_THRESHOLD_SECONDS, INTEGRATIONS, populate } from './world.js';

const USUAL_PORT = 3002;
const FAILS_EVERY = 4;

/** Everything that runs in a sandbox. */
export interface Stage {
  platform: PlatformSimulator;
  receivers: Record<'steady' | 'moody', WebhookReceiver>;
  smtp: SmtpSink;
  service: ServiceProcess;
}

/** Takes down what was set up, last things first, whatever had been reached. */
export type Cleanup = () => Promise<void>;

/**
 * @param cleanups filled on the way, so that a start that fails half-way can be taken down too
 * @param beforeService called when all but the service stands
 */
export async function setStage(
  cleanups: Cleanup[],
  beforeService: (stage: Omit<Stage, 'service'>) => void,
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
  const uri = await database(cleanups);
  await insertIntegrations(uri, receivers, secrets);
  beforeService({ platform, receivers, smtp });
  const service = keep(await ServiceProcess.start(await environment(platform, smtp, uri)));
  return { platform, receivers, smtp, service };
}

/** A database on MONGODB_URI when that is set, else an engine on a folder that goes away with the sandbox. */
async function database(cleanups: Cleanup[]): Promise<string> {
  const given = process.env['MONGODB_URI'];
  if (given) {
    const uri = databaseUri(given, `sandbox-${process.pid}`);
    cleanups.push(() => dropDatabase(uri));
    return uri;
  }
  const folder = mkdtempSync(join(tmpdir(), 'hbf-sandbox-'));
  cleanups.push(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
  const engine = await startEmbeddedMongodb(folder);
  cleanups.push(() => engine.stop());
  return databaseUri(engine.uri, 'sandbox');
}

async function insertIntegrations(uri: string, receivers: Stage['receivers'], secrets: string[]): Promise<void> {
  const client = await connect(uri);
  for (const [index, integration] of INTEGRATIONS.entries()) {
    const { id, organizationId, tenants, receiver, signed, enabled = true } = integration;
    await insertIntegration(client.db(), {
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
  await client.close();
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
