import { OutcomeWriter } from '../../../src/completions/outcome-writer.js';
import { Dispatcher } from '../../../src/deliveries/dispatch/dispatcher.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions, deliveryNow, deliveryWhen, HoldingReceiver } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

const LONG_AGO = '2020-01-01T00:00:00Z';

describe('an administrator who disables or deletes an integration', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('stopped-integration', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** Three sessions whose webhook failed once and waits for its next attempt. */
  const pending = async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503, headers: { 'retry-after': '3600' } });
    const ids = addSessions(round, 't1', 3);
    await round.check();
    const waits = { attempts: 1, token: undefined };
    for (const id of ids) {
      await deliveryWhen(round, [id, 'webhook:1'], ({ attempts, token }) => attempts === waits.attempts && !token);
    }
    return { receiver, ids };
  };

  it('cancels pending deliveries at once, and enabling again sends them only when asked', async () => {
    const { receiver, ids } = await pending();
    expect((await admin.change(1, { enabled: false })).status).toBe(200);
    const { body } = await admin.deliveries(1, { state: 'cancelled' });
    expect(body.items.map(({ sessionId }) => sessionId).sort()).toEqual([...ids].sort());
    for (const item of body.items) {
      expect(item).toMatchObject({ reason: expect.stringMatching(/disabled/), attempts: 1 });
      expect(item.nextAttemptAt).toBeUndefined();
    }
    expect(await round.completions.countDocuments({ open: true })).toBe(0);

    receiver.behave({ kind: 'ok' });
    expect((await admin.change(1, { enabled: true })).status).toBe(200);
    const [fresh] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await round.age(HOUR_MS);
    await round.allSettled();
    expect(receiver.accepted.map(({ sessionId }) => sessionId)).toEqual([fresh]);

    expect(await admin.redeliverAll({ since: LONG_AGO }, '/integrations/1')).toBe(3);
    await round.allSettled();
    expect(receiver.accepted.map(({ sessionId }) => sessionId).sort()).toEqual([...ids, fresh].sort());
  });

  it('leaves the deliveries to other destinations alone', async () => {
    const { ids } = await pending();
    const other = await round.addWebhook('t1');
    other.behave({ kind: 'status', status: 503, headers: { 'retry-after': '3600' } });
    const [both] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await deliveryWhen(round, [both, 'webhook:2'], ({ attempts, token }) => attempts === 1 && !token);
    await deliveryWhen(round, [both, 'webhook:1'], ({ attempts, token }) => attempts === 1 && !token);
    expect((await admin.remove(1)).status).toBe(204);
    for (const id of [...ids, both]) {
      expect(await deliveryNow(round, id)).toMatchObject({ state: 'cancelled', reason: 'the integration was removed' });
    }
    expect(await deliveryNow(round, both, 'webhook:2')).toMatchObject({ state: 'pending' });
    other.behave({ kind: 'ok' });
    await round.age(HOUR_MS);
    await round.allSettled();
    expect(other.accepted.map(({ sessionId }) => sessionId)).toEqual([both]);
  });

  it('cancels a delivery in flight, too, and its failed attempt does not make it pending again', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'delay', ms: 1_500, then: { kind: 'status', status: 503 } });
    const [sessionId] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await waitFor(
      'the attempt',
      async () => receiver.received.length === 1 && (await round.completions.findOne({ _id: sessionId })),
    );
    expect((await admin.change(1, { enabled: false })).status).toBe(200);
    const reason = 'the integration was disabled by an administrator';
    expect(await deliveryNow(round, sessionId)).toMatchObject({ state: 'cancelled', reason });
    await waitFor('the attempt to fail', () => receiver.received[0]!.status === 503);
    await waitFor('its outcome', () => round.service.get(Dispatcher).inFlight === 0);
    await round.service.get(OutcomeWriter).flush();
    expect(await deliveryNow(round, sessionId)).toMatchObject({ state: 'cancelled', reason });
    expect((await admin.change(1, { enabled: true })).status).toBe(200);
    await round.allSettled();
    expect(receiver.received).toHaveLength(1);
  });

  it('keeps the outcome of a delivery in flight that succeeds', async () => {
    const holding = await HoldingReceiver.start();
    await round.addWebhook('t1', { url: holding.url });
    const [sessionId] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await waitFor(
      'the attempt',
      async () => holding.webhookIds.length === 1 && (await round.completions.findOne({ _id: sessionId })),
    );
    await admin.change(1, { enabled: false });
    holding.release();
    const settled = await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts }) => attempts === 1);
    expect(settled.state).toBe('delivered');
    expect(settled.reason).toBeUndefined();
    await holding.stop();
  });
});
