import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { runMain } from '../support/run-main.js';
import { insertIntegration } from '../world/integrations.js';
import { Installation } from '../world/installation.js';
import { PlatformSimulator } from '../world/platform/platform-simulator.js';
import { WebhookReceiver } from '../world/receivers/webhook-receiver.js';
import { serviceEnvironment } from '../world/service/service-environment.js';
import { INTEGRATIONS, MODERATOR_TOKEN, populate } from '../sandbox/customers.js';

/** The command that is run: on the PATH, or where a virtual environment has it. */
const SCHEMATHESIS = process.env['SCHEMATHESIS'] ?? 'schemathesis';

/**
 * The service, held against its own OpenAPI document by schemathesis (Python), which makes requests of the document and
 * judges the answers. Where there is no schemathesis, it says so and exits 0. Arguments are passed on to it.
 */
async function main(): Promise<number> {
  if (spawnSync(SCHEMATHESIS, ['--version']).status !== 0) {
    console.log('skipped: no schemathesis here (pip install "schemathesis==4.32.*", then SCHEMATHESIS=<its path>)');
    return 0;
  }
  const platform = await PlatformSimulator.start();
  populate(platform);
  const receiver = await WebhookReceiver.start({ keepBodies: false });
  const installation = await Installation.start();
  try {
    for (const { id, organizationId, tenants, enabled = true } of INTEGRATIONS) {
      const url = `http://127.0.0.1:${receiver.port}/integrations/${id}`;
      await insertIntegration(installation.db, { id, organizationId, tenants, enabled, url });
    }
    const more = { API_RATE_LIMIT_PER_MIN: '1000000', WEBHOOK_TIMEOUT_MS: '1000', LOG_LEVEL: 'warn' };
    const service = await installation.spawn(serviceEnvironment(platform, installation.databaseUri, more));
    await service.waitReady();
    return await run(service.url);
  } finally {
    await installation.stop();
    await receiver.stop();
    await platform.stop();
  }
}

async function run(url: string): Promise<number> {
  const authorization = `Authorization: Bearer ${MODERATOR_TOKEN}`;
  const given = process.argv.slice(2);
  const args = ['run', `${url}/api-json`, '-H', authorization, ...given];
  const child = spawn(SCHEMATHESIS, args, { cwd: tmpdir(), stdio: 'inherit' }); // it leaves a folder where it runs
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

runMain(main);
