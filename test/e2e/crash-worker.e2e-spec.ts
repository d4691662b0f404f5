import { CompletionRepository } from '../../src/deliveries/completion.repository.js';
import { DestinationRepository } from '../../src/deliveries/destination.repository.js';
import { DetectionRepository } from '../../src/deliveries/detection.repository.js';
import { IntegrationErrorRepository } from '../../src/deliveries/integration-error.repository.js';
import { OutcomeWriter } from '../../src/deliveries/outcome-writer.js';
import type { Database } from '../../src/persistence/database.js';
import { detectedIn } from '../support/completions.js';
import type { ServiceProcess } from '../support/service-process.js';
import { waitFor } from '../support/wait-for.js';
import { deliveryOf, letTimePass } from './deliveries.fixture.js';
import { ProcessRound, sessionsHeard } from './process.fixture.js';

jest.setTimeout(120_000);

let round: ProcessRound;

afterEach(async () => {
  await round.stop();
  expect(round.platform.violations).toEqual([]);
});

/** Hands over what is detected, as Recovery does, but for the claims on one destination that came to nothing. */
async function recoverAsClaimedInVain(destination: string, claims: number): Promise<void> {
  const database = { connection: round.db } as unknown as Database;
  const writer = new OutcomeWriter(
    new DetectionRepository(database),
    new CompletionRepository(database),
    new DestinationRepository(database),
    new IntegrationErrorRepository(database),
  );
  for (const completion of await detectedIn(round.db)) {
    const deliveries = completion.deliveries.map((delivery) => ({
      ...delivery,
      dueAt: new Date(),
      claims: delivery.destination === destination ? claims : delivery.claims,
    }));
    writer.handOver(completion, deliveries, new Date());
  }
  await writer.flush();
}

it('a delivery that kills its worker each time is dead after six claims, and its neighbours are paid', async () => {
  round = await ProcessRound.start('crash-worker', { SESSION_SERVICE_REQUEST_TIMEOUT: '2000' });
  round.addTenant('t1');
  const deadly = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
  const neighbour = await round.addWebhook({ id: 2, organizationId: 'org-t1', tenants: ['t1'] });
  const sessionIds = round.addSessions('t1', 12);
  const fatal = sessionIds[5]!;
  let service: ServiceProcess;
  deadly.behave(({ sessionId }) => (sessionId === fatal ? (void service.kill(), { kind: 'hang' }) : { kind: 'ok' }));

  const isDead = async () => {
    const completion = (await round.all()).get(fatal);
    return completion !== undefined && deliveryOf(completion, 'webhook:1').state === 'dead';
  };
  for (let dead = false; !dead;) {
    await letTimePass(round.db); // the leases of the process that was killed
    service = await round.spawn();
    const outcome = async () => (dead = await isDead()) || !service.running;
    await waitFor('the service to be killed, or to give the delivery up', outcome, { timeoutMs: 30_000 });
  }
  const completions = await round.allPaid(12);

  const webhook = deliveryOf(completions.get(fatal), 'webhook:1');
  expect(webhook).toMatchObject({ state: 'dead', attempts: 0, reason: expect.stringMatching(/claimed 6 times/) });
  expect(deadly.of(fatal)).toHaveLength(6);
  expect([...new Set(sessionsHeard(deadly))]).toEqual(sessionIds);
  expect([...new Set(sessionsHeard(neighbour))]).toEqual(sessionIds);
  for (const { _id, deliveries } of completions.values()) {
    const others = deliveries.filter((one) => _id !== fatal || one.destination !== 'webhook:1');
    expect(others.map(({ state }) => state)).toEqual(others.map(() => 'delivered'));
  }
  expect((await fetch(`${service!.url}/health/ready`)).status).toBe(200);
});

it('deliveries that were claimed in vain beside one that kills its worker are not blamed for it', async () => {
  round = await ProcessRound.start('crash-neighbours', { SESSION_SERVICE_REQUEST_TIMEOUT: '2000' });
  round.addTenant('t1');
  const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
  const sessionIds = round.addSessions('t1', 12);
  const fatal = sessionIds[5]!;
  let service = await round.spawn();
  receiver.behave(() => (void service.kill(), { kind: 'hang' }));
  await service.exited;
  await recoverAsClaimedInVain('webhook:1', 5);
  const claims = [...(await round.all()).values()].map((one) => [one.state, deliveryOf(one, 'webhook:1').claims]);
  expect(claims).toEqual(Array(12).fill(['completed', 5]));

  receiver.behave(({ sessionId }) => (sessionId === fatal ? (void service.kill(), { kind: 'hang' }) : { kind: 'ok' }));
  const states = async () => {
    const completions = [...(await round.all()).values()];
    return completions.map((one) => deliveryOf(one, 'webhook:1').state).sort();
  };
  for (let settled = false; !settled;) {
    await letTimePass(round.db);
    service = await round.spawn();
    await waitFor('the service to be killed, or to have settled all', async () => {
      settled = !(await states()).includes('owed');
      return settled || !service.running;
    });
  }
  expect(await states()).toEqual(['dead', ...Array<string>(11).fill('delivered')]);
  // An innocent was heard at most in the first round, and once alone: that outcome is written before the next one runs.
  const innocents = sessionIds.filter((id) => id !== fatal);
  expect(innocents.filter((id) => receiver.of(id).length > 2)).toEqual([]);
});
