import type { Delivery } from '../../../src/completions/delivery.js';
import { BodyCache } from '../../../src/deliveries/body-cache.js';
import { Backpressure } from '../../../src/sessions/backpressure.js';
import type { Behavior, WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { waitFor } from '../../support/wait-for.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../support/time-machine.js';
import { deliveryOf, deliveryWhen, integrationErrors } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

describe('deliveries that failed', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('deliveries-retries');
    round.addTenant('t1', { summarizes: true });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** As after a restart, or when the memory budget has needed the room. */
  const keepNoBodies = () => jest.spyOn(BodyCache.prototype, 'get').mockReturnValue(undefined);

  const attempted = ({ attempts, log }: Delivery) => attempts > 0 && log.length > 0;

  it('are sent again under the same webhook-id until the receiver takes them', async () => {
    const receiver = await round.addWebhook('t1');
    // the kept connection dies, and so does the fresh one that the attempt goes on with
    const failures: Behavior[] = [{ kind: 'status', status: 503 }, { kind: 'reset' }, { kind: 'reset' }];
    receiver.behave((_reception, n) => failures[n - 1] ?? { kind: 'ok' });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const webhook = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');

    expect(webhook).toMatchObject({ state: 'delivered', attempts: 3, claims: 0, lastStatus: 200 });
    expect(webhook.log.map(({ code }) => code)).toEqual(['http_503', 'ECONNRESET', undefined]);
    expect(receiver.received.map(({ webhookId }) => webhookId)).toEqual(Array(4).fill(`${sessionId}:1`));
    expect(new Set(receiver.received.map(({ raw }) => raw)).size).toBe(1);
    expect(await integrationErrors(round.db)).toMatchObject([
      { attempt: 1, code: 'http_503', statusCode: 503, dead: false, sessionId, nextAttemptAt: expect.any(Date) },
      { attempt: 2, code: 'ECONNRESET', dead: false, sessionId, nextAttemptAt: expect.any(Date) },
    ]);
  });

  it('reach hbf-event-publisher and hbf-nlp once those are back, and each only once', async () => {
    round.platform.fault({ service: 'hbf-event-publisher', kind: 'status', status: 502, times: 2 });
    round.platform.fault({ service: 'hbf-nlp', kind: 'reset', times: 2 });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const completion = (await round.allSettled()).get(sessionId);

    expect(deliveryOf(completion, 'flow:t1')).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(deliveryOf(completion, 'analysis:t1')).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(round.platform.publisher.triggersOf(sessionId)).toHaveLength(1);
    expect(round.platform.nlp.analysesOf(sessionId)).toHaveLength(1);
    expect(await integrationErrors(round.db)).toEqual([]);
  });

  it('go on with the survey that was not triggered', async () => {
    const sessionId = round.addSession('t1', 20);
    for (const id of ['s1', 's2', 's3']) round.core.addSurvey({ sessionId, id });
    const isSecond = ({ body }: { body: unknown }) => (body as { id: string }).id === 's2';
    round.platform.fault({ service: 'hbf-event-publisher', kind: 'status', status: 503, times: 1, when: isSecond });
    await round.check();
    const surveys = deliveryOf((await round.allSettled()).get(sessionId), 'surveys:t1');

    expect(surveys).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(surveys.parts!.map(({ surveyId, attempts }) => [surveyId, attempts])).toEqual([
      ['s1', 1],
      ['s2', 2],
      ['s3', 1],
    ]);
    for (const id of ['s1', 's2', 's3']) expect(round.platform.publisher.triggersOf(id)).toHaveLength(1);
  });

  it.each([
    { header: '3600', waitMs: HOUR_MS },
    { header: '999999999', waitMs: DAY_MS },
  ])('wait as long as Retry-After: $header asks, a day at most', async ({ header, waitMs }) => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 429, headers: { 'retry-after': header } });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const waiting = await deliveryWhen(round, [sessionId, 'webhook:1'], attempted);
    expect(waiting.dueAt!.getTime() - waiting.at!.getTime()).toBe(waitMs);

    receiver.behave({ kind: 'ok' });
    await round.age(waitMs);
    expect(deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1')).toMatchObject({ attempts: 2 });
    expect(receiver.received).toHaveLength(2);
  });

  it('are dead at once when the receiver says 410', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 410 });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const webhook = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');

    expect(webhook).toMatchObject({
      state: 'dead',
      attempts: 1,
      lastStatus: 410,
      reason: expect.stringMatching(/410/),
    });
    expect(receiver.received).toHaveLength(1);
    expect(await integrationErrors(round.db)).toMatchObject([{ attempt: 1, statusCode: 410, dead: true }]);
  });

  it('are kept as dead letters once the schedule is used up', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 500, body: 'no' });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const completion = (await round.allSettled()).get(sessionId)!;

    const webhook = deliveryOf(completion, 'webhook:1');
    expect(webhook).toMatchObject({ state: 'dead', attempts: 4, reason: 'failed 4 times', lastStatus: 500 });
    expect(webhook.dueAt).toBeUndefined();
    expect(deliveryOf(completion, 'flow:t1').state).toBe('delivered');
    expect(receiver.received).toHaveLength(4);
    const errors = await integrationErrors(round.db);
    expect(errors.map(({ attempt, dead }) => [attempt, dead])).toEqual([[1, false], [2, false], [3, false], [4, true]]); // prettier-ignore
  });

  it('do not ask hbf-core for a session whose body is still in memory', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave((_reception, n) => (n < 3 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
    round.platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions/{id}', kind: 'status', status: 500 });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const webhook = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');

    expect(webhook).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(new Set(receiver.received.map(({ raw }) => raw)).size).toBe(1);
  });

  it('spend no attempt when hbf-core fails while a retry is prepared', async () => {
    keepNoBodies();
    const receiver = await round.addWebhook('t1');
    receiver.behave((_reception, n) => (n === 1 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
    const route = 'GET /chat-sessions/{id}';
    const heal = round.platform.fault({ service: 'hbf-core', route, kind: 'status', status: 500 });
    const sessionId = round.addSession('t1', 20);
    await round.check();

    const isPostponed = ({ lastError, token }: Delivery) => !token && !lastError?.startsWith('http_503');
    const postponed = await deliveryWhen(round, [sessionId, 'webhook:1'], (one) => attempted(one) && isPostponed(one));
    expect(postponed).toMatchObject({ state: 'pending', attempts: 1, claims: 0 });
    expect(postponed.dueAt!.getTime()).toBeGreaterThan(postponed.at!.getTime());
    expect(receiver.received).toHaveLength(1);

    heal();
    await round.age(HOUR_MS);
    const settled = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');
    expect(settled).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(await integrationErrors(round.db)).toHaveLength(1);
  });

  describe('of a session that hbf-core does not know', () => {
    beforeEach(keepNoBodies);

    const SESSION = 'GET /chat-sessions/{id}';
    /** Minutes after which it is asked again, each time once more than the time before. */
    const WAITS = [1, 5, 15, 60, 60, 60, 60, 60, 60];

    /** A session with a webhook that failed once, so that its body is read again. */
    async function addFailedOnce(): Promise<{ receiver: WebhookReceiver; sessionId: string }> {
      const receiver = await round.addWebhook('t1');
      receiver.behave((_reception, n) => (n === 1 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
      return { receiver, sessionId: round.addSession('t1', 20) };
    }

    const askedTimes = (sessionId: string, times: number) =>
      deliveryWhen(round, [sessionId, 'webhook:1'], ({ missing, token }) => !token && missing?.times === times);

    it.each([404, 410])('wait while it answers %i, spend no attempt, and are sent once it knows it', async (status) => {
      const heal = round.platform.fault({ service: 'hbf-core', route: SESSION, kind: 'status', status });
      const { receiver, sessionId } = await addFailedOnce();
      await round.check();
      const postponed = await askedTimes(sessionId, 1);
      expect(postponed).toMatchObject({
        state: 'pending',
        attempts: 1,
        claims: 0,
        lastError: expect.stringMatching(/^session_missing/),
      });
      expect(postponed.missing!.since.getTime()).toBeLessThanOrEqual(postponed.at!.getTime());
      expect(await round.service.get(Backpressure).countWaiting()).toBe(0);

      heal();
      await round.age(MINUTE_MS);
      const settled = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');
      expect(settled).toMatchObject({ state: 'delivered', attempts: 2 });
      expect(settled.missing).toBeUndefined();
      expect(receiver.received).toHaveLength(2);
      expect(await integrationErrors(round.db)).toHaveLength(1);
    });

    it('are dead, with that reason, once it was asked often enough over six hours', async () => {
      const { receiver, sessionId } = await addFailedOnce();
      receiver.onReception(({ sessionId: id }) => round.core.sessions.has(id!) && round.core.removeSession(id!));
      await round.check();
      for (const [index, minutes] of WAITS.entries()) {
        const { state, dueAt, at } = await askedTimes(sessionId, index + 1);
        expect([state, dueAt!.getTime() - at!.getTime()]).toEqual(['pending', minutes * MINUTE_MS]);
        await round.age(minutes * MINUTE_MS);
      }
      const webhook = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');
      expect(webhook).toMatchObject({ state: 'dead', attempts: 1, lastError: expect.stringMatching(/^session_gone/) });
      const errors = await integrationErrors(round.db);
      expect(errors.map(({ code, dead }) => [code, dead])).toEqual([['http_503', false], ['session_gone', true]]); // prettier-ignore
    });

    it('wait for as long as it knows nothing else either', async () => {
      const heal = round.platform.fault({ service: 'hbf-core', route: SESSION, kind: 'status', status: 404 });
      const { sessionId } = await addFailedOnce();
      await round.check();
      const deaf = round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 404 });
      await askedTimes(sessionId, 1);
      await round.restart(); // what it heard of hbf-core within the last minute is forgotten
      for (let hours = 1; hours <= 8; hours++) {
        await round.age(HOUR_MS);
        const asked = ({ at, token }: Delivery) => !token && Date.now() - at!.getTime() < MINUTE_MS;
        const webhook = await deliveryWhen(round, [sessionId, 'webhook:1'], asked);
        expect(webhook).toMatchObject({ state: 'pending', attempts: 1, missing: { times: 1 } });
      }
      heal();
      deaf();
      // for five seconds after a list of tenants has failed it is not asked for again
      const isSettled = async () => {
        await round.age(MINUTE_MS);
        return (await round.completions.countDocuments({ open: true })) === 0;
      };
      await waitFor('the delivery to be settled', isSettled, { timeoutMs: 20_000, intervalMs: 200 });
      const settled = deliveryOf((await round.allSettled()).get(sessionId), 'webhook:1');
      expect(settled).toMatchObject({ state: 'delivered', attempts: 2 });
    });
  });
});
