import { type Completion } from '../../../src/completions/completion.js';
import { webhookDestination } from '../../../src/completions/delivery.js';
import { IntentRepository } from '../../../src/completions/intent.repository.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Admin } from '../fixtures/admin.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { addSessions, deliveryNow, deliveryOf, HoldingReceiver } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

const LONG_AGO = '2020-01-01T00:00:00Z';

/** A delivery that became dead or cancelled, an hour ago unless `at` says otherwise. */
function lost(n: number, integrationId: number, state: 'dead' | 'cancelled', at = Date.now() - HOUR_MS): Completion {
  const foundAt = new Date(at + n);
  const deliveries = [{ ...deliveryTo(webhookDestination(integrationId)), state, attempts: 4 }];
  return completionOf(`${state}-${integrationId}-${n}`, { foundAt, deliveries });
}

describe('the redelivery over REST', () => {
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
      const answers = [await admin.retry(1, 'dead-1-1'), await admin.recover(1, { since: LONG_AGO })];
      expect(answers.map(({ status, body }) => [status, body.message])).toEqual(
        Array(2).fill([409, 'the integration is disabled: enable it first']),
      );
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

  describe('recover', () => {
    it('sends the dead and the cancelled deliveries of that time and integration, and no others', async () => {
      const receiver = await round.addWebhook('t1');
      const other = await round.addWebhook('t1');
      const at = Date.now() - HOUR_MS;
      await round.completions.insertMany([
        lost(1, 1, 'dead'),
        lost(1, 1, 'cancelled'),
        lost(1, 2, 'dead'),
        { ...lost(2, 1, 'dead', at - 2 * HOUR_MS), _id: 'earlier' },
        { ...lost(3, 1, 'dead', at + HOUR_MS / 2), _id: 'later' },
      ]);
      for (const id of ['dead-1-1', 'cancelled-1-1'])
        round.core.addSession({ tenantId: 't1', id, status: 'COMPLETED' });
      const since = new Date(at - HOUR_MS / 4).toISOString();
      const until = new Date(at + HOUR_MS / 4).toISOString();

      expect(await admin.recover(1, { since, until })).toMatchObject({ status: 202, body: { recovered: 2, more: false } }); // prettier-ignore
      await round.allSettled();
      expect(receiver.accepted.map(({ webhookId }) => webhookId).sort()).toEqual(['cancelled-1-1:1', 'dead-1-1:1']);
      expect(other.received).toEqual([]);
      for (const id of ['earlier', 'later']) expect((await deliveryNow(round, id)).state).toBe('dead');
      expect((await admin.recover(1, { since, until })).body).toEqual({ recovered: 0, more: false });
    });

    it('takes 10,000 deliveries at most, the oldest first, and makes fifty due in each second', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'hang' });
      const all = Array.from({ length: 10_003 }, (_, n) => lost(n, 1, 'dead'));
      await round.completions.insertMany(all);
      round.platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions/{id}', kind: 'hang' });

      const before = Date.now();
      const { status, body } = await admin.recover(1, { since: LONG_AGO });
      const after = Date.now();
      expect([status, body]).toEqual([202, { recovered: 10_000, more: true }]);

      const pendingOnes = await round.completions.find({ open: true }).sort({ foundAt: 1 }).toArray();
      expect(pendingOnes).toHaveLength(10_000);
      expect(pendingOnes.at(-1)!._id).toBe('dead-1-9999');
      // the first ones are claimed, postponed or given back by now: their due time is another
      const free = pendingOnes
        .map((one) => deliveryOf(one, 'webhook:1'))
        .filter(({ token, at, dueAt }) => !token && !at && dueAt!.getTime() > Date.now());
      const seconds = new Map<number, number>();
      for (const { dueAt } of free) seconds.set(dueAt!.getTime(), (seconds.get(dueAt!.getTime()) ?? 0) + 1);
      const dueTimes = [...seconds.keys()].sort((a, b) => a - b);
      expect(Math.max(...seconds.values())).toBe(50);
      for (let i = 1; i < dueTimes.length; i++) expect(dueTimes[i]! - dueTimes[i - 1]!).toBe(1_000);
      const last = dueTimes.at(-1)! - 199_000; // 10,000 at fifty a second: the last ones 199 seconds later
      expect(last).toBeGreaterThanOrEqual(before - 1_000); // the database's clock is rounded
      expect(last).toBeLessThanOrEqual(after + 1_000);
    });

    const DATE = (name: string) => `${name}: must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z`;
    it.each([
      { body: {}, says: [DATE('since')] },
      { body: { since: 5 }, says: [DATE('since')] },
      { body: { since: '2026-W47' }, says: [DATE('since')] },
      { body: { since: '2026-13-01T00:00:00Z', until: [] }, says: [DATE('since'), DATE('until')] },
      { body: { since: LONG_AGO, before: LONG_AGO }, says: ['before: is not a known property'] },
      { body: { since: LONG_AGO, until: LONG_AGO }, says: ['until: must be later than since'] },
      { body: { since: LONG_AGO, until: '2019-12-31T00:00:00Z' }, says: ['until: must be later than since'] },
      { body: { since: '2999-01-01T00:00:00Z' }, says: ['until: must be later than since'] },
    ])('is refused for $body', async ({ body, says }) => {
      await round.addWebhook('t1');
      const answer = await admin.recover(1, body);
      expect(answer.status).toBe(400);
      expect(new Set(answer.body.message)).toEqual(new Set(says));
    });
  });
});
