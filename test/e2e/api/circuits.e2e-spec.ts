import { listedAs } from '../../../src/completions/delivery.js';
import { RetryWorker } from '../../../src/deliveries/retry-worker.js';
import { Dispatcher } from '../../../src/deliveries/dispatch/dispatcher.js';
import { waitFor } from '../../support/wait-for.js';
import { type RunningService, startService } from '../../world/service/service-in-process.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions, deliveryWhen, destinationsOf } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

const MINUTE_MS = 60_000;
const SESSIONS = 12;
const UNAVAILABLE = { kind: 'status', status: 503 } as const;

/** Two replicas on one database; an open circuit stays open for ten minutes. */
describe('an open circuit', () => {
  let round: Round;
  let other: RunningService;
  /** Through the replica that sends, and through the other one, which checks no sessions. */
  let here: Admin;
  let there: Admin;

  beforeEach(async () => {
    round = await Round.start('api-circuits', {
      API_RATE_LIMIT_PER_MIN: '1000000',
      WEBHOOK_TIMEOUT_MS: '1500',
      DELIVERY_RETRY_SCHEDULE: Array(12).fill('10m').join(),
    });
    round.addTenant('t1');
    other = await startService(round.env);
    here = new Admin(round, 'org-t1');
    there = new Admin({ ...round, core: round.core, service: other } as Round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await other.stop();
    await round.stop();
  });

  const destination = () => destinationsOf(round.db).findOne({ _id: 'webhook:1' });

  /** Sessions whose webhook:1 answers 503, so that its circuit is open and no attempt is under way. @returns their ids */
  const open = async (receiver: WebhookReceiver): Promise<string[]> => {
    receiver.behave(UNAVAILABLE);
    const ids = addSessions(round, 't1', SESSIONS);
    await round.check();
    await waitFor('the circuit to open', async () => (await destination())?.openUntil);
    await waitFor('the attempts to end', () => round.service.get(Dispatcher).inFlight === 0);
    await waitFor('the others to be given back', async () =>
      [...(await round.all()).values()].every(({ deliveries }) => deliveries.every(({ token }) => !token)),
    );
    return ids;
  };

  const closedAgain = () => waitFor('the circuit to close', async () => (await destination())?.openUntil === undefined);

  /** Waits for the first request to a receiver, by far not as long as a circuit or a poll takes. */
  const probed = (receiver: WebhookReceiver, before = 0) =>
    waitFor('the probe', () => receiver.received.length > before, { timeoutMs: 3_000 });

  it('is shown with the integration, in the list and with each delivery, alike by every replica', async () => {
    const receiver = await round.addWebhook('t1');
    await round.addWebhook('t1', { tenants: [] });
    expect((await there.integration(1)).body.circuit).toEqual({ state: 'closed', failures: 0 });
    const ids = await open(receiver);
    const { openUntil } = (await destination())!;
    const circuit = { state: 'open', failures: expect.any(Number), nextProbeAt: openUntil!.toISOString() };
    for (const admin of [here, there]) {
      const shown = (await admin.integration(1)).body;
      expect(shown.circuit).toMatchObject(circuit);
      expect(shown.circuit.failures).toBeGreaterThanOrEqual(5);
      const list = (await admin.call<(typeof shown)[]>('GET', '/integrations')).body;
      expect(list.map((one) => one.circuit)).toMatchObject([circuit, { state: 'closed', failures: 0 }]);
      const { items } = (await admin.deliveries(1)).body;
      expect(items.map((item) => item.circuit)).toMatchObject(ids.map(() => circuit));
      expect((await admin.delivery(1, ids[0]!)).body.circuit).toMatchObject(circuit);
      for (const { nextAttemptAt } of items) expect(Date.parse(nextAttemptAt!)).toBeGreaterThanOrEqual(openUntil!.getTime()); // prettier-ignore
      const ofSession = (await admin.session(ids[0]!)).body.completions[0]!.destinations;
      expect(ofSession.find((one) => one.destination === 'webhook:1')!.circuit).toMatchObject(circuit);
      expect(ofSession.find((one) => one.destination === 'flow:t1')!.circuit).toMatchObject({ state: 'closed' });
    }
  });

  it('of a service of the platform is shown with its deliveries, whose own circuit is closed', async () => {
    const nextProbeAt = new Date(Date.now() + 10 * MINUTE_MS);
    await destinationsOf(round.db).insertOne({ _id: 'flow:*', version: 0, openUntil: nextProbeAt, openings: 1, failures: 5 }); // prettier-ignore
    const [id] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await waitFor('the completion', async () => (await round.all()).get(id)?.completedAt);
    const destinations = (await there.session(id)).body.completions[0]!.destinations;
    const circuit = { state: 'open', failures: 5, nextProbeAt: nextProbeAt.toISOString() };
    expect(destinations.find((one) => one.destination === 'flow:t1')!.circuit).toMatchObject(circuit);
  });

  describe('is probed at once, also by a replica that had it open itself,', () => {
    /** The replica whose own circuit is open is the only one that sends. */
    const onlyTheOpenOneSends = () => other.get(RetryWorker).onModuleDestroy();

    it('when a delivery is sent again', async () => {
      const receiver = await round.addWebhook('t1');
      const [id] = await open(receiver);
      receiver.behave({ kind: 'ok' });
      expect((await here.retry(1, id!)).status).toBe(202);
      await probed(receiver, receiver.received.length);
      await deliveryWhen(round, [id!, 'webhook:1'], ({ state }) => state === 'delivered');
      await closedAgain();
    });

    it('when a delivery is sent again through another replica', async () => {
      const receiver = await round.addWebhook('t1');
      const [id] = await open(receiver);
      receiver.behave({ kind: 'ok' });
      await onlyTheOpenOneSends();
      expect((await there.retry(1, id!)).status).toBe(202);
      await deliveryWhen(round, [id!, 'webhook:1'], ({ state }) => state === 'delivered');
      await closedAgain();
      expect((await here.integration(1)).body.circuit).toMatchObject({ state: 'closed', failures: 0 });
    });

    it('when deliveries are sent again', async () => {
      const receiver = await round.addWebhook('t1');
      const [id] = await open(receiver);
      await round.completions.updateOne(
        { _id: id },
        {
          $set: {
            'deliveries.$[one].state': 'dead',
            'deliveries.$[one].listed': listedAs('dead', 'webhook:1'),
            open: false,
          },
          $unset: { 'deliveries.$[one].dueAt': 1 },
        },
        { arrayFilters: [{ 'one.destination': 'webhook:1' }] },
      );
      receiver.behave({ kind: 'ok' });
      const before = receiver.received.length;
      expect((await there.redeliver({ since: '2020-01-01T00:00:00Z', channel: 'webhook' })).body.matched).toBe(1);
      await probed(receiver, before);
    });

    it('when a test call succeeds, not when it fails', async () => {
      const receiver = await round.addWebhook('t1');
      await open(receiver);
      const { openUntil } = (await destination())!;
      expect((await there.call<{ delivered: boolean }>('POST', '/integrations/1/test')).body.delivered).toBe(false);
      expect((await destination())!.openUntil).toEqual(openUntil);
      receiver.behave({ kind: 'ok' });
      expect((await there.call<{ delivered: boolean }>('POST', '/integrations/1/test')).body.delivered).toBe(true);
      await waitFor('the probe', () => receiver.accepted.some((one) => !one.webhookId.startsWith('test:')), { timeoutMs: 3_000 }); // prettier-ignore
      await closedAgain();
    });

    it('when the URL or a header is another one, not when all stays as it was', async () => {
      const receiver = await round.addWebhook('t1');
      await open(receiver);
      const { openUntil } = (await destination())!;
      const before = receiver.received.length;
      expect((await there.change(1, {})).body.circuit.state).toBe('open');
      expect((await destination())!.openUntil).toEqual(openUntil);
      expect((await there.change(1, { headers: [{ name: 'x-key', value: 'new' }] })).status).toBe(200);
      await probed(receiver, before);
      await waitFor('the probe to fail', async () => (await destination())?.openings === 2);
      expect((await destination())!.openUntil!.getTime()).toBeGreaterThan(Date.now() + 9 * MINUTE_MS);
      expect(receiver.received).toHaveLength(before + 1);

      const moved = await round.addWebhook('t1', { tenants: [] });
      expect((await there.call('PATCH', '/integrations/1', { url: moved.url })).status).toBe(200);
      await probed(moved);
      await closedAgain();
    });

    it('when the integration is enabled, by the next session', async () => {
      const receiver = await round.addWebhook('t1');
      await open(receiver);
      expect((await there.change(1, { enabled: false })).status).toBe(200);
      receiver.behave({ kind: 'ok' });
      expect((await there.change(1, { enabled: true })).status).toBe(200);
      const [id] = addSessions(round, 't1', 1);
      await round.check();
      await deliveryWhen(round, [id!, 'webhook:1'], ({ state }) => state === 'delivered');
    });
  });

  it('is probed once more when the probe that fails was under way as the URL was changed', async () => {
    const receiver = await round.addWebhook('t1');
    const [id] = await open(receiver);
    receiver.behave({ kind: 'hang' });
    const before = receiver.received.length;
    expect((await here.retry(1, id!)).status).toBe(202);
    await probed(receiver, before);
    const { circuit } = (await there.integration(1)).body;
    expect([circuit.state, circuit.nextProbeAt]).toEqual(['open', undefined]); // the probe is under way

    const moved = await round.addWebhook('t1', { tenants: [] });
    expect((await there.call('PATCH', '/integrations/1', { url: moved.url })).status).toBe(200);
    await waitFor('the probe of the new URL', () => moved.accepted.length > 0, { timeoutMs: 5_000 });
    await closedAgain();
    expect(receiver.received).toHaveLength(before + 1);
  });

  it('tells how many attempts at once any replica found lately, and an idle one writes nothing', async () => {
    await round.addWebhook('t1');
    addSessions(round, 't1', 4);
    await round.check();
    const limit = () => there.integration(1).then(({ body }) => body.circuit.limit);
    expect(await waitFor('the limit', limit)).toBeGreaterThanOrEqual(2);
    await round.allSettled();
    const written = (await destination())!.limits!;
    await destinationsOf(round.db).updateOne({ _id: 'webhook:1' }, [
      { $set: { limits: { $map: { input: '$limits', in: { limit: '$$this.limit', at: { $subtract: ['$$this.at', 11_000] } } } } } }, // prettier-ignore
    ]);
    expect(written.length).toBeGreaterThan(0);
    await waitFor('the limit to be outdated', async () => (await limit()) === undefined, { timeoutMs: 15_000 });
  });
});
