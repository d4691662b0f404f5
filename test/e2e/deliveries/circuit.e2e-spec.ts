import { Dispatcher } from '../../../src/deliveries/dispatch/dispatcher.js';
import { IntegrationChanges } from '../../../src/integrations/integration-changes.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { addSessions, deliveryOf, destinationsOf } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

describe('the circuit of a destination', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('deliveries-circuit', {
      WEBHOOK_TIMEOUT_MS: '1000',
      DELIVERY_RETRY_SCHEDULE: Array(12).fill('100ms').join(),
    });
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const destination = () => destinationsOf(round.db).findOne({ _id: 'webhook:1' });
  /** A machine so busy that an answer took longer than the time-out may bring some twice. */
  const acceptedIds = (receiver: WebhookReceiver) => [...new Set(receiver.accepted.map(({ sessionId }) => sessionId))].sort(); // prettier-ignore

  it('opens when the destination hangs, and other destinations are served as before', async () => {
    const hanging = await round.addWebhook('t1');
    const healthy = [await round.addWebhook('t1'), await round.addWebhook('t1')];
    hanging.behave({ kind: 'hang' });
    const sessionIds = addSessions(round, 't1', 60).sort();
    await round.check();
    await waitFor('the healthy ones to hear of all sessions', () =>
      healthy.every((one) => acceptedIds(one).length === 60),
    );
    const open = await waitFor('the circuit to open', async () => (await destination())?.openUntil);

    expect(open).toBeInstanceOf(Date);
    expect(hanging.received.length).toBeLessThan(10);
    expect(hanging.accepted).toEqual([]);
    for (const one of healthy) expect(acceptedIds(one)).toEqual(sessionIds);
    await waitFor('the flows', () => round.platform.publisher.triggers.length === 60);

    hanging.behave({ kind: 'ok' });
    const completions = [...(await round.allSettled(20_000)).values()];
    expect(acceptedIds(hanging)).toEqual(sessionIds);
    for (const one of completions) expect(deliveryOf(one, 'webhook:1').state).toBe('delivered');
    for (const one of healthy) expect(acceptedIds(one)).toEqual(sessionIds);
    await waitFor('the circuit to close', async () => (await destination())?.openUntil === undefined);
  });

  it('lets one real delivery through as a probe, and rests longer when that fails', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503 });
    const sessionIds = addSessions(round, 't1', 30).sort();
    await round.check();
    const opened = async (times: number) =>
      (await destination())?.openings === times && round.service.get(Dispatcher).inFlight === 0;
    await waitFor('the circuit to open', () => opened(1));
    const before = receiver.received.length;
    await waitFor('the probe to fail', () => opened(2));

    expect(receiver.received).toHaveLength(before + 1);
    expect(sessionIds).toContain(receiver.received.at(-1)!.sessionId);
    expect(receiver.received.at(-1)!.webhookId).toBe(`${receiver.received.at(-1)!.sessionId}:1`);

    receiver.behave({ kind: 'ok' });
    await round.allSettled(20_000);
    expect(acceptedIds(receiver)).toEqual(sessionIds);
  });

  it('stays closed for a receiver that refuses every single delivery', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 422 });
    addSessions(round, 't1', 5);
    await round.check();
    const completions = [...(await round.allSettled(20_000)).values()];

    for (const one of completions) {
      expect(deliveryOf(one, 'webhook:1')).toMatchObject({ state: 'dead', attempts: 13, lastStatus: 422 });
    }
    expect(receiver.received).toHaveLength(5 * 13);
    expect(await destinationsOf(round.db).countDocuments({ openings: { $exists: true } })).toBe(0);
  });

  it("probes with the next delivery at once when the probe's delivery was cancelled", async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503 });
    addSessions(round, 't1', 12);
    await round.check();
    await waitFor('the circuit to open', async () => (await destination())?.openUntil);
    const disable = () =>
      round.db.collection('integrations').updateOne({ enabled: true }, { $set: { enabled: false } });
    await round.service.get(IntegrationChanges).announce(disable);

    const states = [...(await round.allSettled()).values()].map((one) => deliveryOf(one, 'webhook:1').state);
    expect(states).toEqual(Array(12).fill('cancelled'));
    expect(receiver.accepted).toEqual([]);
  });
});
