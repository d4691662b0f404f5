import { type Completion } from '../../../src/completions/completion.js';
import { webhookDestination } from '../../../src/completions/delivery.js';
import { IntentRepository } from '../../../src/completions/intent.repository.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Admin } from '../fixtures/admin.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { addSessions, deliveryNow, HoldingReceiver } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

/** A delivery that became dead or cancelled, an hour ago unless `at` says otherwise. */
function lost(n: number, integrationId: number, state: 'dead' | 'cancelled', at = Date.now() - HOUR_MS): Completion {
  const foundAt = new Date(at + n);
  const deliveries = [deliveryTo(webhookDestination(integrationId), { state, attempts: 4 })];
  return completionOf(`${state}-${integrationId}-${n}`, { foundAt, deliveries });
}

describe('the retry of one delivery over REST', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('redelivery', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  describe('retry', () => {
    it('sends a dead delivery under the same webhook-id, on a retry schedule that starts anew', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'status', status: 503 });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allSettled();
      expect((await admin.delivery(1, sessionId)).body).toMatchObject({ state: 'dead', attempts: 4 });

      receiver.behave((_reception, n) => (n < 7 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
      const answer = await admin.retry(1, sessionId);
      expect(answer).toMatchObject({ status: 202, body: { state: 'pending', attempts: 4 } });
      const by = 'admin-of-org-t1@example.com';
      expect(answer.body.redeliveries).toEqual([{ id: expect.any(String), at: expect.any(String), by }]);
      expect(answer.body.reason).toBeUndefined();
      await round.allSettled();

      const { body } = await admin.delivery(1, sessionId);
      expect(body).toMatchObject({ state: 'delivered', attempts: 7, lastStatus: 200, webhookId: `${sessionId}:1` });
      expect(body.log.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503, 503, 503, 503, 200]);
      expect(new Set(receiver.received.map(({ webhookId }) => webhookId))).toEqual(new Set([`${sessionId}:1`]));
      expect(receiver.received).toHaveLength(7);
    });

    it('makes the delivery dead again once the new schedule is used up', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'status', status: 503 });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allSettled();
      await admin.retry(1, sessionId);
      await waitFor('it to die again', async () => (await deliveryNow(round, sessionId)).state === 'dead');
      expect((await admin.delivery(1, sessionId)).body).toMatchObject({ state: 'dead', attempts: 8 });
    });

    it('sends a delivered delivery once more', async () => {
      const receiver = await round.addWebhook('t1');
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allSettled();
      expect(await admin.retry(1, sessionId)).toMatchObject({ status: 202 });
      await round.allSettled();
      expect(receiver.accepted.map(({ webhookId }) => webhookId)).toEqual([`${sessionId}:1`, `${sessionId}:1`]);
      expect(round.platform.publisher.triggersOf(sessionId)).toHaveLength(1);
    });

    it('is refused while the integration is disabled', async () => {
      await round.addWebhook('t1', { enabled: false });
      await round.completions.insertOne(lost(1, 1, 'dead'));
      const { status, body } = await admin.retry(1, 'dead-1-1');
      expect([status, body.message]).toEqual([409, 'the integration is disabled: enable it first']);
      expect((await deliveryNow(round, 'dead-1-1')).state).toBe('dead');
    });

    it('does not send a delivery twice that is in flight', async () => {
      const holding = await HoldingReceiver.start();
      await round.addWebhook('t1', { url: holding.url });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await waitFor(
        'the attempt',
        async () => holding.webhookIds.length === 1 && (await round.completions.findOne({ _id: sessionId })),
      );
      expect((await admin.retry(1, sessionId)).status).toBe(202);
      holding.release();
      await round.allSettled();
      expect(holding.webhookIds).toHaveLength(1);
      expect(await deliveryNow(round, sessionId)).toMatchObject({ state: 'delivered', attempts: 1 });
      await holding.stop();
    });

    it('is refused while the session is an intent', async () => {
      await round.addWebhook('t1');
      const lease = { lease: 'x', leaseUntil: new Date(Date.now() + HOUR_MS) };
      const { open: _open, completedAt: _completedAt, deliveries: _deliveries, ...session } = lost(1, 1, 'dead');
      await round.service.get(IntentRepository).add(lease, [{ ...session, destinations: [webhookDestination(1)] }]);
      expect((await admin.retry(1, 'dead-1-1')).status).toBe(409);
    });
  });
});
