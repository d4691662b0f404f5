import { SmtpSink } from '../support/smtp-sink.js';
import { waitFor } from '../support/wait-for.js';
import { Admin } from './deliveries-api.fixture.js';
import { addSessions, deliveryOf, deliveryWhen, letTimePassFor } from './deliveries.fixture.js';
import { addMailedWebhook, endOne, mailsTo, storedIntegration } from './mails.fixture.js';
import { Round } from './round.fixture.js';

jest.setTimeout(30_000);

const DAY_MS = 86_400_000;
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

  const failingFor = (ms: number) =>
    round.db.collection('integrations').updateOne({}, { $set: { failingSince: new Date(Date.now() - ms) } });

  it('ends with 410: disabled at once, visibly and with a mail, and what waits is dropped', async () => {
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    const waiting = await endOne(round);
    receiver.behave({ kind: 'status', status: 410 });
    const gone = await endOne(round);
    const dropped = await deliveryWhen(round, [waiting, 'webhook:1'], ({ state }) => state !== 'owed');

    expect((await admin.integration(1)).body).toMatchObject({ enabled: false, disabledReason: 'gone', disabledAt: expect.any(String) }); // prettier-ignore
    expect(dropped).toMatchObject({ state: 'dropped', reason: expect.stringMatching(/410/) });
    expect(deliveryOf((await round.all()).get(gone), 'webhook:1')).toMatchObject({ state: 'dead', attempts: 1 });
    const mail = await waitFor('the mail', () => sink.mails.find(({ subject }) => subject.includes('was disabled')));
    expect(mail.text).toMatch(/410 Gone/);

    const [next] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await round.allPaid();
    expect(receiver.of(next)).toEqual([]);
  });

  it('ends after five days of failure without a success', async () => {
    const receiver = await addMailedWebhook(round);
    await failingFor(6 * DAY_MS);
    receiver.behave(LATER);
    const sessionId = await endOne(round);
    const { state, reason } = await deliveryWhen(round, [sessionId, 'webhook:1'], (one) => one.state !== 'owed');
    expect([state, reason]).toEqual(['dropped', expect.stringMatching(/failed for 5 days/)]);
    expect((await admin.integration(1)).body).toMatchObject({ enabled: false, disabledReason: 'failing_for_days' });
    const mail = await waitFor('the mail', () => sink.mails.find(({ subject }) => subject.includes('was disabled')));
    expect(mail.text).toMatch(/failed for 5 days without a success/);
    expect(mail.text).toMatch(/Enable it again: PUT/);
  });

  it('goes on for as long as it is less than five days, however often it fails', async () => {
    const receiver = await addMailedWebhook(round);
    await failingFor(5 * DAY_MS - 3_600_000);
    receiver.behave(LATER);
    const sessionId = await endOne(round);
    await letTimePassFor(round);
    await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts, token }) => attempts > 1 && !token);
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });

  it('begins anew when an administrator enables it again', async () => {
    const receiver = await addMailedWebhook(round);
    await failingFor(6 * DAY_MS);
    receiver.behave(LATER);
    await endOne(round);
    await waitFor('it to be disabled', async () => !(await admin.integration(1)).body.enabled);
    const { body } = await admin.change(1, { enabled: true });
    expect(body).toMatchObject({ enabled: true });
    for (const gone of ['disabledReason', 'disabledAt', 'failingSince']) expect(body).not.toHaveProperty(gone);
    await endOne(round);
    expect(await waitFor('the failure to be noted', async () => (await storedIntegration(round))?.failingSince)).toBeInstanceOf(Date); // prettier-ignore
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });

  it('is good again with the first success, which is mailed once', async () => {
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    await endOne(round);
    await waitFor('the failure to be noted', async () => (await admin.integration(1)).body.failingSince);
    receiver.behave({ kind: 'ok' });
    await letTimePassFor(round);
    await round.allPaid();
    await waitFor('the success to be noted', async () => !(await admin.integration(1)).body.failingSince);
    await endOne(round);
    await round.allPaid();
    const subjects = (await mailsTo(sink, 2)).map(({ subject }) => subject);
    expect(subjects).toEqual([expect.stringContaining('began to fail'), expect.stringContaining('works again')]);
    expect((await storedIntegration(round))?.recoveredAt).toBeInstanceOf(Date);
  });

  it('is not judged by an attempt that began before another replica saw a success', async () => {
    const receiver = await addMailedWebhook(round);
    await failingFor(6 * DAY_MS);
    receiver.behave(() => ({ kind: 'delay', ms: 300, then: LATER }));
    const attempt = endOne(round);
    await waitFor('the attempt', () => receiver.received.length > 0);
    await round.db.collection('integrations').updateOne({}, { $unset: { failingSince: 1 } });
    await attempt;
    await endOne(round);
    await waitFor('the failure to be noted', async () => (await storedIntegration(round))?.failingSince);
    expect((await admin.integration(1)).body.enabled).toBe(true);
  });
});
