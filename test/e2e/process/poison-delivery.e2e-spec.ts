import { completionOf, plannedDeliveries } from '../../../src/completions/completion.js';
import { release } from '../../../src/completions/transitions.js';
import { CompletionStore } from '../../support/completion-store.js';
import { intendedIn } from '../../world/record.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { waitFor } from '../../support/wait-for.js';
import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { deliveryOf } from '../fixtures/deliveries.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

let round: ProcessRound;

afterEach(async () => {
  await round.stop();
  expect(round.platform.violations).toEqual([]);
});

/** Completes every intent, as Recovery does; the deliveries to `destination` were claimed so often without an attempt. */
async function recoverWithClaims(destination: string, claims: number): Promise<void> {
  const store = await CompletionStore.open(round.env['MONGODB_URI']!);
  const now = new Date();
  for (const planned of await intendedIn(round.db)) {
    const { lease, leaseUntil: _leaseUntil, ...session } = planned;
    const deliveries = plannedDeliveries(planned, planned).map((delivery) => ({
      ...release(delivery, now),
      claims: delivery.destination === destination ? claims : delivery.claims,
    }));
    store.writer.complete(completionOf(session, now, deliveries), lease);
  }
  await store.writer.flush();
  await store.close();
}

it('a delivery that ends its process four times alone is dead, and the deliveries beside it are delivered', async () => {
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
    await round.age(LEASE_PASSES_MS); // the leases of the process that was killed
    service = await round.spawn();
    const outcome = async () => (dead = await isDead()) || !service.running;
    await waitFor('the service to be killed, or to give the delivery up', outcome, { timeoutMs: 30_000 });
  }
  const completions = await round.allSettled(12);

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

it('a delivery that was only claimed beside a poison delivery is delivered, and not counted as one', async () => {
  round = await ProcessRound.start('crash-neighbours', { SESSION_SERVICE_REQUEST_TIMEOUT: '2000' });
  round.addTenant('t1');
  const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
  const sessionIds = round.addSessions('t1', 12);
  const fatal = sessionIds[5]!;
  let service = await round.spawn();
  receiver.behave(() => (void service.kill(), { kind: 'hang' }));
  await service.exited;
  await recoverWithClaims('webhook:1', 5);
  const claims = [...(await round.all()).values()].map((one) => [
    one.completedAt !== undefined,
    deliveryOf(one, 'webhook:1').claims,
  ]);
  expect(claims).toEqual(Array(12).fill([true, 5]));

  receiver.behave(({ sessionId }) => (sessionId === fatal ? (void service.kill(), { kind: 'hang' }) : { kind: 'ok' }));
  const states = async () => {
    const completions = [...(await round.all()).values()];
    return completions.map((one) => deliveryOf(one, 'webhook:1').state).sort();
  };
  for (let settled = false; !settled;) {
    await round.age(LEASE_PASSES_MS);
    service = await round.spawn();
    await waitFor('the service to be killed, or to have settled all', async () => {
      settled = !(await states()).includes('pending');
      return settled || !service.running;
    });
  }
  expect(await states()).toEqual(['dead', ...Array<string>(11).fill('delivered')]);
  // The others arrive once in the first round at most, and once alone: that outcome is written before the next one runs.
  const others = sessionIds.filter((id) => id !== fatal);
  expect(others.filter((id) => receiver.of(id).length > 2)).toEqual([]);
});
