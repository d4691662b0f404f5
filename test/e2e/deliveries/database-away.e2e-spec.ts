import { OutcomeWriter } from '../../../src/completions/outcome-writer.js';
import { SessionCheckScheduler } from '../../../src/sessions/session-check.scheduler.js';
import type { Completion } from '../../../src/completions/completion.js';
import { connect } from '../../world/database.js';
import { insertIntegration } from '../../world/integrations.js';
import { PlatformSimulator } from '../../world/platform/platform-simulator.js';
import { serviceEnvironment } from '../../world/service/service-environment.js';
import { startService } from '../../world/service/service-in-process.js';
import { waitFor } from '../../support/wait-for.js';
import { HoldingReceiver } from '../fixtures/deliveries.js';
import { OwnMongodb } from '../fixtures/mongodb.js';

jest.setTimeout(60_000);

const SESSIONS = 12;

it('no outcome is lost when the database goes away during attempts and comes back', async () => {
  const mongodb = await OwnMongodb.create();
  await mongodb.start();
  const platform = await PlatformSimulator.start();
  const receiver = await HoldingReceiver.start();
  const env = serviceEnvironment(platform, mongodb.uri('away'), { DELIVERY_MAX_CONCURRENCY_PER_DESTINATION: '64' });
  const service = await startService(env);
  const client = await connect(mongodb.uri('away'));
  const completions = client.db().collection<Completion>('completions');
  await insertIntegration(client.db(), { id: 1, organizationId: 'org-1', tenants: ['t1'], url: receiver.url });
  platform.core.addTenant({ id: 't1', organizationId: 'org-1', expireAfterSeconds: 600 });
  const addSession = () =>
    platform.core.addSession({ tenantId: 't1', lastInteraction: new Date(Date.now() - 1_200_000) }).id;
  const sessionIds = Array.from({ length: SESSIONS }, addSession);
  const readiness = async () => (await fetch(`${service.url}/health/ready`)).status;
  const check = () => service.get(SessionCheckScheduler).runNow();

  expect(await readiness()).toBe(200);
  await check();
  await waitFor('attempts to be under way', () => receiver.webhookIds.length > 0);
  await mongodb.stop();
  const late = addSession();
  receiver.release();
  await waitFor('the service not to be ready', async () => (await readiness()) === 503);
  expect(await check()).toBeUndefined();
  expect(platform.core.session(late).status).toBe('ACTIVE'); // no session is completed whose intent could not be written

  await mongodb.start();
  await waitFor('the service to be ready again', async () => (await readiness()) === 200);
  expect(await check()).toMatchObject({ completed: 1 });
  await waitFor('every delivery to be settled', async () => {
    const [all, open] = [await completions.countDocuments(), await completions.countDocuments({ open: true })];
    return all === SESSIONS + 1 && open === 0;
  });
  expect([...receiver.webhookIds].sort()).toEqual([...sessionIds, late].map((id) => `${id}:1`).sort());
  expect([...platform.core.completed.values()].map(({ count }) => count)).toEqual(Array(SESSIONS + 1).fill(1));
  expect(service.get(OutcomeWriter).lost).toBe(0);
  expect(platform.violations).toEqual([]);

  await service.stop();
  await client.close();
  await Promise.all([platform.stop(), receiver.stop(), mongodb.remove()]);
});
