import { SmtpSink } from '../../world/receivers/smtp-sink.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { DAY_MS, HOUR_MS } from '../../support/time-machine.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions, deliveryNow, deliveryWhen } from '../fixtures/deliveries.js';
import { addMailedWebhook, endOne, mailsTo, storedIntegration } from '../fixtures/mails.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const LATER = { kind: 'status', status: 503, headers: { 'retry-after': '3600' } } as const;

describe('the health of an integration', () => {
  let round: Round;
  let admin: Admin;
  let sink: SmtpSink;

  beforeEach(async () => {
    sink = await SmtpSink.start();
    const env = { API_RATE_LIMIT_PER_MIN: '1000000', ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0', ...sink.environment };
    round = await Round.start('integration-health', env);
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
    await sink.stop();
  });

  const failureNoted = () =>
    waitFor('the failure to be noted', async () => (await storedIntegration(round))?.failingSince);

  /** Its first failure is that long ago, and a delivery waits for its next attempt. @returns the session of that */
  async function failingFor(receiver: WebhookReceiver, ms: number): Promise<string> {
    receiver.behave(LATER);
    const sessionId = await endOne(round);
    await failureNoted();
    await round.age(ms);
    return sessionId;
  }

  it('is lost at once with a 410: disabled, mailed, its pending deliveries cancelled', async () => {
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    const waiting = await endOne(round);
    receiver.behave({ kind: 'status', status: 410 });
    const gone = await endOne(round);
    const cancelled = await deliveryWhen(round, [waiting, 'webhook:1'], ({ state }) => state !== 'pending');

    expect((await admin.integration(1)).body).toMatchObject({ enabled: false, disabledReason: 'gone', disabledAt: expect.any(String) }); // prettier-ignore
    expect(cancelled).toMatchObject({ state: 'cancelled', reason: expect.stringMatching(/410/) });
    expect(await deliveryNow(round, gone)).toMatchObject({ state: 'dead', attempts: 1 });
    const mail = await waitFor('the mail', () => sink.mails.find(({ subject }) => subject.includes('was disabled')));
    expect(mail.text).toMatch(/410 Gone/);

    const [next] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await round.allSettled();
    expect(receiver.of(next)).toEqual([]);
  });

  it('is lost after five days of failure without a success', async () => {
    const receiver = await addMailedWebhook(round);
    const sessionId = await failingFor(receiver, 6 * DAY_MS);
    const { state, reason } = await deliveryWhen(round, [sessionId, 'webhook:1'], (one) => one.state !== 'pending');
    expect([state, reason]).toEqual(['cancelled', expect.stringMatching(/failed for 5 days/)]);
    expect((await admin.integration(1)).body).toMatchObject({ enabled: false, disabledReason: 'failing_for_days' });
    const mail = await waitFor('the mail', () => sink.mails.find(({ subject }) => subject.includes('was disabled')));
    expect(mail.text).toMatch(/failed for 5 days without a success/);
    expect(mail.text).toMatch(/Enable it again: PATCH/);
  });

  it('is kept for less than five days of failure, however often it fails', async () => {
    const receiver = await addMailedWebhook(round);
    const sessionId = await failingFor(receiver, 5 * DAY_MS - HOUR_MS);
    await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts, token }) => attempts > 1 && !token);
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });

  it('starts anew when an administrator enables the integration again', async () => {
    const receiver = await addMailedWebhook(round);
    await failingFor(receiver, 6 * DAY_MS);
    await waitFor('it to be disabled', async () => !(await admin.integration(1)).body.enabled);
    const { body } = await admin.change(1, { enabled: true });
    expect(body).toMatchObject({ enabled: true });
    for (const gone of ['disabledReason', 'disabledAt', 'failingSince']) expect(body).not.toHaveProperty(gone);
    await endOne(round);
    expect(await failureNoted()).toBeInstanceOf(Date);
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });

  it('is good again with the first success, which is mailed once', async () => {
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    await endOne(round);
    await waitFor('the failure to be noted', async () => (await admin.integration(1)).body.failingSince);
    receiver.behave({ kind: 'ok' });
    await round.age(HOUR_MS);
    await round.allSettled();
    await waitFor('the success to be noted', async () => !(await admin.integration(1)).body.failingSince);
    await endOne(round);
    await round.allSettled();
    const subjects = (await mailsTo(sink, 2)).map(({ subject }) => subject);
    expect(subjects).toEqual([expect.stringContaining('began to fail'), expect.stringContaining('works again')]);
    expect((await storedIntegration(round))?.recoveredAt).toBeInstanceOf(Date);
  });

  it('is not judged by an attempt that began before another replica saw a success', async () => {
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    const sessionId = await endOne(round);
    await failureNoted();
    receiver.behave({ kind: 'delay', ms: 300, then: LATER });
    await round.age(6 * DAY_MS);
    await waitFor('the second attempt', () => receiver.received.length === 2);
    await round.db.collection('integrations').updateOne({}, { $unset: { failingSince: 1 } });
    await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts, token }) => attempts === 2 && !token);
    await round.restart(); // a process notes the failures of one minute together
    receiver.behave(LATER);
    await endOne(round);
    await failureNoted();
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });
});
