import { OutcomeWriter } from '../../src/deliveries/outcome-writer.js';
import { Dispatcher } from '../../src/deliveries/dispatcher.js';
import { type Completion, newDelivery, webhookDestination } from '../../src/deliveries/completion.js';
import { DetectionRepository } from '../../src/deliveries/detection.repository.js';
import { waitFor } from '../support/wait-for.js';
import { Admin } from './deliveries-api.fixture.js';
import { addSessions, deliveryOf, deliveryWhen, HoldingReceiver, letTimePassFor } from './deliveries.fixture.js';
import { Round } from './round.fixture.js';

jest.setTimeout(60_000);

const HOUR_MS = 3_600_000;
const LONG_AGO = '2020-01-01T00:00:00Z';

/** A delivery that died, or was dropped, an hour ago. */
function lost(n: number, integrationId: number, state: 'dead' | 'dropped', at = Date.now() - HOUR_MS): Completion {
  const id = `${state}-${integrationId}-${n}`;
  const when = new Date(at + n);
  return {
    _id: id,
    sessionId: id,
    revision: 1,
    organizationId: 'org-t1',
    tenantId: 't1',
    state: 'completed',
    open: false,
    rule: 'tenant-threshold',
    thresholdSeconds: 600,
    lastInteraction: when,
    detectedAt: when,
    completedAt: when,
    deliveries: [{ ...newDelivery(webhookDestination(integrationId)), state, attempts: 4 }],
    leftOut: [],
  };
}

describe('sending deliveries again over REST', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('deliveries-api-resend', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const stateOf = async (id: string, destination = 'webhook:1') => deliveryOf((await round.all()).get(id), destination);

  describe('retry', () => {
    it('sends a dead one under the same webhook-id, on a schedule that starts anew', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'status', status: 503 });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allPaid();
      expect((await admin.delivery(1, sessionId)).body).toMatchObject({ state: 'dead', attempts: 4 });

      receiver.behave((_reception, n) => (n < 7 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
      const answer = await admin.retry(1, sessionId);
      expect(answer).toMatchObject({ status: 202, body: { state: 'owed', attempts: 4 } });
      expect(answer.body.reason).toBeUndefined();
      await round.allPaid();

      const { body } = await admin.delivery(1, sessionId);
      expect(body).toMatchObject({ state: 'delivered', attempts: 7, lastStatus: 200, webhookId: `${sessionId}:1` });
      expect(body.log.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503, 503, 503, 503, 200]);
      expect(new Set(receiver.received.map(({ webhookId }) => webhookId))).toEqual(new Set([`${sessionId}:1`]));
      expect(receiver.received).toHaveLength(7);
    });

    it('lets it die again once the new schedule is used up', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'status', status: 503 });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allPaid();
      await admin.retry(1, sessionId);
      await waitFor('it to die again', async () => (await stateOf(sessionId)).state === 'dead');
      expect((await admin.delivery(1, sessionId)).body).toMatchObject({ state: 'dead', attempts: 8 });
    });

    it('sends one that was delivered again', async () => {
      const receiver = await round.addWebhook('t1');
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allPaid();
      expect(await admin.retry(1, sessionId)).toMatchObject({ status: 202 });
      await round.allPaid();
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
      expect((await stateOf('dead-1-1')).state).toBe('dead');
    });

    it('leaves one that is in flight to that attempt', async () => {
      const holding = await HoldingReceiver.start();
      await round.addWebhook('t1', { url: holding.url });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await waitFor('the attempt', async () => holding.webhookIds.length === 1 && (await stateOf(sessionId)).token);
      expect((await admin.retry(1, sessionId)).status).toBe(202);
      holding.release();
      await round.allPaid();
      expect(holding.webhookIds).toHaveLength(1);
      expect(await stateOf(sessionId)).toMatchObject({ state: 'delivered', attempts: 1 });
      await holding.stop();
    });

    it('is refused while the session is just being completed', async () => {
      await round.addWebhook('t1');
      const lease = { lease: 'x', leaseUntil: new Date(Date.now() + HOUR_MS) };
      await round.service.get(DetectionRepository).add([{ ...lost(1, 1, 'dead'), ...lease, state: 'detected' }]);
      expect((await admin.retry(1, 'dead-1-1')).status).toBe(409);
    });
  });

  describe('recover', () => {
    it('sends the dead and the dropped ones of that time and integration, and no others', async () => {
      const receiver = await round.addWebhook('t1');
      const other = await round.addWebhook('t1');
      const at = Date.now() - HOUR_MS;
      await round.completions.insertMany([
        lost(1, 1, 'dead'),
        lost(1, 1, 'dropped'),
        lost(1, 2, 'dead'),
        { ...lost(2, 1, 'dead', at - 2 * HOUR_MS), _id: 'earlier' },
        { ...lost(3, 1, 'dead', at + HOUR_MS / 2), _id: 'later' },
      ]);
      for (const id of ['dead-1-1', 'dropped-1-1']) round.core.addSession({ tenantId: 't1', id, status: 'COMPLETED' });
      const since = new Date(at - HOUR_MS / 4).toISOString();
      const until = new Date(at + HOUR_MS / 4).toISOString();

      expect(await admin.recover(1, { since, until })).toMatchObject({ status: 202, body: { recovered: 2, more: false } }); // prettier-ignore
      await round.allPaid();
      expect(receiver.accepted.map(({ webhookId }) => webhookId).sort()).toEqual(['dead-1-1:1', 'dropped-1-1:1']);
      expect(other.received).toEqual([]);
      for (const id of ['earlier', 'later']) expect((await stateOf(id)).state).toBe('dead');
      expect((await admin.recover(1, { since, until })).body).toEqual({ recovered: 0, more: false });
    });

    it('takes 10,000 at most, the oldest first, and lets fifty fall due in a second', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'hang' });
      const all = Array.from({ length: 10_003 }, (_, n) => lost(n, 1, 'dead'));
      await round.completions.insertMany(all);
      round.platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions/{id}', kind: 'hang' });

      const before = Date.now();
      const { status, body } = await admin.recover(1, { since: LONG_AGO });
      const after = Date.now();
      expect([status, body]).toEqual([202, { recovered: 10_000, more: true }]);

      const owed = await round.completions.find({ open: true }).sort({ detectedAt: 1 }).toArray();
      expect(owed).toHaveLength(10_000);
      expect(owed.at(-1)!._id).toBe('dead-1-9999');
      // the first ones are claimed, postponed or given back by now: their due time is another
      const free = owed
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

  describe('disabling and deleting', () => {
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

    it('stops pending ones at once, and enabling again does not send them unless asked', async () => {
      const { receiver, ids } = await pending();
      expect((await admin.change(1, { enabled: false })).status).toBe(200);
      const { body } = await admin.deliveries(1, { state: 'dropped' });
      expect(body.items.map(({ id }) => id).sort()).toEqual([...ids].sort());
      for (const item of body.items) {
        expect(item).toMatchObject({ reason: expect.stringMatching(/disabled/), attempts: 1 });
        expect(item.nextAttemptAt).toBeUndefined();
      }
      expect(await round.completions.countDocuments({ open: true })).toBe(0);

      receiver.behave({ kind: 'ok' });
      expect((await admin.change(1, { enabled: true })).status).toBe(200);
      const [fresh] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await letTimePassFor(round);
      await round.allPaid();
      expect(receiver.accepted.map(({ sessionId }) => sessionId)).toEqual([fresh]);

      expect((await admin.recover(1, { since: LONG_AGO })).body).toEqual({ recovered: 3, more: false });
      await round.allPaid();
      expect(receiver.accepted.map(({ sessionId }) => sessionId).sort()).toEqual([...ids, fresh].sort());
    });

    it('leaves the other destinations of the session alone', async () => {
      const { ids } = await pending();
      const other = await round.addWebhook('t1');
      other.behave({ kind: 'status', status: 503, headers: { 'retry-after': '3600' } });
      const [both] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await deliveryWhen(round, [both, 'webhook:2'], ({ attempts, token }) => attempts === 1 && !token);
      await deliveryWhen(round, [both, 'webhook:1'], ({ attempts, token }) => attempts === 1 && !token);
      expect((await admin.remove(1)).status).toBe(204);
      for (const id of [...ids, both]) {
        expect(await stateOf(id)).toMatchObject({ state: 'dropped', reason: 'the integration was removed' });
      }
      expect(await stateOf(both, 'webhook:2')).toMatchObject({ state: 'owed' });
      other.behave({ kind: 'ok' });
      await letTimePassFor(round);
      await round.allPaid();
      expect(other.accepted.map(({ sessionId }) => sessionId)).toEqual([both]);
    });

    it('drops what is in flight too: it is not owed again when that attempt fails', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave({ kind: 'delay', ms: 1_500, then: { kind: 'status', status: 503 } });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await waitFor('the attempt', async () => receiver.received.length === 1 && (await stateOf(sessionId)).token);
      expect((await admin.change(1, { enabled: false })).status).toBe(200);
      const reason = 'the integration was disabled by an administrator';
      expect(await stateOf(sessionId)).toMatchObject({ state: 'dropped', reason });
      await waitFor('the attempt to fail', () => receiver.received[0]!.status === 503);
      await waitFor('its outcome', () => round.service.get(Dispatcher).inFlight === 0);
      await round.service.get(OutcomeWriter).flush();
      expect(await stateOf(sessionId)).toMatchObject({ state: 'dropped', reason });
      expect((await admin.change(1, { enabled: true })).status).toBe(200);
      await round.allPaid();
      expect(receiver.received).toHaveLength(1);
    });

    it('lets what is in flight keep its outcome', async () => {
      const holding = await HoldingReceiver.start();
      await round.addWebhook('t1', { url: holding.url });
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await waitFor('the attempt', async () => holding.webhookIds.length === 1 && (await stateOf(sessionId)).token);
      await admin.change(1, { enabled: false });
      holding.release();
      const paid = await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts }) => attempts === 1);
      expect(paid.state).toBe('delivered');
      expect(paid.reason).toBeUndefined();
      await holding.stop();
    });
  });
});
