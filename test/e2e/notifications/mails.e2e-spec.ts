import { Logger } from '@nestjs/common';
import type { IntegrationDocument } from '../../../src/integrations/integration.schema.js';
import type { MailDocument } from '../../../src/notifications/mail.schema.js';
import { MailWorker } from '../../../src/notifications/mail-worker.js';
import { plantedSecretsIn } from '../../world/planted-secrets.js';
import { SmtpSink } from '../../world/receivers/smtp-sink.js';
import { startService } from '../../world/service/service-in-process.js';
import { waitFor } from '../../support/wait-for.js';
import { HOUR_MS, MINUTE_MS } from '../../support/time-machine.js';
import { Admin } from '../fixtures/admin.js';
import { addMailedWebhook, endOne, mailsTo, RECIPIENT, storedIntegration } from '../fixtures/mails.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

/** Retried after half an hour: sooner than the next mail of the integration may be sent. */
const LATER = { kind: 'status', status: 503, headers: { 'retry-after': '1800' } } as const;
const HEADER_SECRET = 'PLANTED-header-value';
const QUERY_SECRET = 'PLANTED-query-value';

describe('mails', () => {
  let round: Round;
  let sink: SmtpSink;

  const start = async (env: Record<string, string> = {}) => {
    sink = await SmtpSink.start();
    round = await Round.start('mails', { API_RATE_LIMIT_PER_MIN: '1000000', ...sink.environment, ...env });
    round.addTenant('t1');
  };

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
    await sink.stop();
  });

  /** An hour goes by for the mails: those that wait for their interval, or for a retry, are due. */
  const letMailsBeDue = async () => {
    await round.age(HOUR_MS);
    await round.service.get(MailWorker).run();
  };

  it('tell of the first failure, with the facts that an administrator needs and no secret', async () => {
    await start();
    const receiver = await addMailedWebhook(round, {
      headers: { 'x-api-key': HEADER_SECRET },
      errorEmailRecipients: [RECIPIENT, 'second@customer.example'],
    });
    const url = `${receiver.url}?token=${QUERY_SECRET}`;
    await round.db.collection<IntegrationDocument>('integrations').updateOne({ _id: 1 }, { $set: { url } });
    receiver.behave(({ raw }) => ({ ...LATER, body: raw }));
    const sessionId = await endOne(round);
    const [mail] = await mailsTo(sink, 1);
    const [other] = await mailsTo(sink, 1, 'second@customer.example');
    await waitFor('the failure to be noted', async () => (await storedIntegration(round))?.failingSince);

    expect([mail!.to, other!.to]).toEqual([[RECIPIENT], ['second@customer.example']]);
    expect(other!.subject).toBe(mail!.subject);
    expect(mail!.from).toBe('session-manager@example.com');
    expect(mail!.subject).toBe('[hbf] Webhook integration 1: began to fail');
    expect(mail!.headers['content-type']).toMatch(/^multipart\/alternative/);
    for (const line of [
      'Integration: 1 (enabled)',
      `URL: ${receiver.url}\n`,
      'Organization: org-t1',
      'Tenants: t1',
      'Last status: HTTP 503, http_503',
      'Pending deliveries: 1',
      'See what failed: GET /organizations/org-t1/integrations/errors/1',
    ]) {
      expect(mail!.text.replace(/\r\n/g, '\n')).toContain(line);
    }
    expect(mail!.text).toMatch(/Failing since: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    expect(mail!.text).toContain('<html');
    const words = round.core.session(sessionId).messages.map(({ message }) => message).filter((one) => one.length > 12); // prettier-ignore
    expect(words.length).toBeGreaterThan(0);
    const whole = [mail!, other!].map(({ raw, text }) => `${raw}\n${text}`).join('\n');
    for (const secret of [...words, HEADER_SECRET, QUERY_SECRET]) expect(whole).not.toContain(secret);
    expect(plantedSecretsIn(whole)).toEqual([]);
  });

  it('tell of several dead deliveries in one mail', async () => {
    await start({ ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0', DELIVERY_RETRY_SCHEDULE: '50ms' });
    const receiver = await addMailedWebhook(round);
    receiver.behave({ kind: 'status', status: 500 });
    for (let n = 0; n < 3; n++) round.addSession('t1', 20);
    await round.check();
    await round.allSettled();
    const told = () => sink.mails.map(({ subject }) => /(\d+) deliver(?:y was|ies were) given up/.exec(subject)?.[1]);
    const sum = () => told().reduce((all, count) => all + Number(count ?? 0), 0);
    await waitFor('the mails to tell of three', () => sum() === 3);
    const mail = sink.mails.find(({ subject }) => subject.includes('given up'))!;
    expect(mail.text).toMatch(
      /Send again what was given up: POST .*\/integrations\/1\/redeliveries with \{"since": "20/,
    );
  });

  it('are sent once in the interval, and what happens meanwhile in one digest with counts', async () => {
    await start();
    const admin = new Admin(round, 'org-t1');
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    await endOne(round);
    await mailsTo(sink, 1);
    await waitFor('the failure to be noted', async () => (await admin.integration(1)).body.failingSince);
    receiver.behave({ kind: 'ok' });
    await round.age(30 * MINUTE_MS);
    await waitFor('it to recover', async () => !(await admin.integration(1)).body.failingSince);
    receiver.behave({ kind: 'status', status: 410 });
    await endOne(round);
    await waitFor('all to be noted', async () => {
      const noted = await round.db.collection('mails').findOne({});
      return noted?.['counts'].recovered === 1 && noted['counts'].disabled === 1 && noted['counts'].dead === 1;
    });
    expect(sink.mails).toHaveLength(1);

    await letMailsBeDue();
    expect(sink.mails).toHaveLength(2);
    const digest = sink.mails[1]!;
    expect(digest.subject).toBe('[hbf] Webhook integration 1: 1 delivery was given up, was disabled, works again');
    expect(digest.text).toContain('Integration: 1 (disabled)');
    expect(digest.text).toContain('Last status: HTTP 410, http_410');
  });

  it('tell a recipient of several failing integrations in one digest, and another only of his own', async () => {
    await start();
    const mine = [RECIPIENT];
    const receivers = [
      await addMailedWebhook(round, { errorEmailRecipients: mine }),
      await addMailedWebhook(round, { errorEmailRecipients: [...mine, 'second@customer.example'] }),
      await addMailedWebhook(round, { errorEmailRecipients: mine }),
    ];
    receivers[0]!.behave({ kind: 'status', status: 410 });
    await endOne(round);
    await mailsTo(sink, 1);
    for (const receiver of receivers.slice(1)) receiver.behave({ kind: 'status', status: 410 });
    await endOne(round);
    await mailsTo(sink, 1, 'second@customer.example');
    await waitFor('the dead deliveries to be noted', async () => {
      const noted = await round.db.collection<MailDocument>('mails').find().toArray();
      return (
        noted
          .map(({ counts }) => counts?.['dead'])
          .sort()
          .join() === '1,3'
      );
    });
    await letMailsBeDue();
    const [first, digest, ...rest] = sink.to(RECIPIENT);
    expect([first!.subject, rest]).toEqual(['[hbf] Webhook integration 1: was disabled', []]);
    expect(digest!.subject).toBe('[hbf] 3 webhook integrations: 3 deliveries were given up, 2 were disabled');
    expect(digest!.text).toMatch(
      /Integration 2 \(disabled\): 1 delivery was given up, was disabled; failing since .*; last status HTTP 410/,
    );
    expect(sink.to('second@customer.example').map(({ subject }) => subject)).toEqual([
      '[hbf] Webhook integration 2: was disabled',
      '[hbf] Webhook integration 2: 1 delivery was given up',
    ]);
  });

  it("go to the integration's present recipients only, and to nobody where there are none", async () => {
    await start();
    const admin = new Admin(round, 'org-t1');
    const receivers = [
      await addMailedWebhook(round, { errorEmailRecipients: ['old@customer.example'] }),
      await addMailedWebhook(round, { errorEmailRecipients: [] }),
      await addMailedWebhook(round, { errorEmailRecipients: ['third@customer.example'] }),
    ];
    await admin.change(1, { errorEmailRecipients: ['new@customer.example'] });
    for (const receiver of receivers.slice(0, 2)) receiver.behave(LATER);
    await endOne(round);
    await mailsTo(sink, 1, 'new@customer.example');
    await round.service.get(MailWorker).run();
    expect(sink.mails.map(({ to }) => to)).toEqual([['new@customer.example']]);
  });

  it('never delay a delivery while the mail server hangs', async () => {
    await start();
    sink.mood = 'hang';
    const failing = await addMailedWebhook(round);
    const healthy = await addMailedWebhook(round);
    failing.behave((_reception, n) => (n === 1 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
    const first = await endOne(round);
    await waitFor('the mail to hang', () => sink.offered.length > 0);
    const second = await endOne(round);
    await round.allSettled();
    for (const receiver of [failing, healthy]) {
      expect([...new Set(receiver.accepted.map(({ sessionId }) => sessionId))].sort()).toEqual([first, second].sort());
    }
    expect(sink.mails).toEqual([]);
    sink.mood = 'accept'; // afterEach stops the service, which ends the connection
  });

  it('are sent in one once the mail server is back, also after a restart', async () => {
    await start();
    const { port } = sink;
    await sink.stop();
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    await endOne(round);
    await waitFor('an attempt that failed', () => round.db.collection('mails').findOne({ attempts: { $gte: 1 } }));
    expect(receiver.received).toHaveLength(1);

    await round.service.stop();
    round.service = await startService(round.env);
    sink = await SmtpSink.start(port);
    await letMailsBeDue();
    const [mail] = await mailsTo(sink, 1);
    expect(mail!.subject).toContain('began to fail');
    await letMailsBeDue();
    expect(sink.mails).toHaveLength(1);
  });

  it('are logged as not sent, once, where there is no mail server', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn');
    await start({ SMTP_HOST: '', SMTP_FROM: '', ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0' });
    const admin = new Admin(round, 'org-t1');
    const receiver = await addMailedWebhook(round);
    receiver.behave(LATER);
    await endOne(round);
    await waitFor('the failure to be noted', async () => (await admin.integration(1)).body.failingSince);
    receiver.behave({ kind: 'status', status: 410 });
    await endOne(round);
    await waitFor('it to be disabled', async () => !(await admin.integration(1)).body.enabled);
    await round.allSettled();
    expect(warn.mock.calls.filter((call) => (call as unknown[]).includes('mail.not-sent'))).toHaveLength(1);
    expect(await round.db.collection('mails').countDocuments()).toBe(0);
    warn.mockRestore();
  });

  it('tell the operators that hbf-core refuses the service, once an hour', async () => {
    await start({ OPERATOR_EMAIL_RECIPIENTS: 'operators@platform.example' });
    round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 401 });
    for (let n = 0; n < 3; n++) await expect(round.check()).rejects.toThrow('failed');
    const [mail] = await mailsTo(sink, 1, 'operators@platform.example');
    expect(mail!.subject).toBe('[hbf] hbf-core refuses this service');
    expect(mail!.text).toMatch(/CORE_TOKEN/);
    expect(plantedSecretsIn(mail!.raw + mail!.text)).toEqual([]);
    await waitFor('all to be noted', () => round.db.collection('mails').findOne({ notes: 3 }));
    await round.service.get(MailWorker).run();
    expect(sink.mails).toHaveLength(1);
  });
});
