import { counterModel, integrationModel, integrationVersionModel, mailModel } from '../../test/support/models.js';
import { Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { CommandStartedEvent, Db } from 'mongodb';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { waitFor } from '../../test/support/wait-for.js';
import { testDatabaseUri } from '../../test/world/database.js';
import { freePort } from '../../test/support/ports.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { Config } from '../config/config.js';
import { ConfigModule } from '../config/config.module.js';
import { IntegrationChanges } from '../integrations/integration-changes.js';
import { IntegrationCounts } from '../integrations/integration-counts.js';
import { IntegrationRepository, type IntegrationSettings } from '../integrations/integration.repository.js';
import { Clock } from '../persistence/clock.js';
import { Counter } from '../persistence/counter.js';
import { Database } from '../persistence/database.js';
import { PersistenceModule } from '../persistence/persistence.module.js';
import { Secrets } from '../persistence/secrets.js';
import type { IntegrationEvent, IntegrationEventKind } from './integration-event.js';
import { IntegrationNotifications } from './integration-notifications.js';
import { MailComposer } from './mail-composer.js';
import { MailOutbox } from './mail-outbox.js';
import type { MailNote } from './mail-notes.js';
import { MAIL_RETRY_WAITS_MS } from './mail-retry.js';
import { MailWorker } from './mail-worker.js';
import type { MailDocument } from './mail.schema.js';
import { Mailer } from './mailer.js';
import { NotificationsModule } from './notifications.module.js';
import { OperatorAlerts } from './operator-alerts.js';
import { QueuedOperatorAlerts } from './queued-operator-alerts.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1, 12);
const HEADER_SECRET = 'PLANTED-header-value';
const QUERY_SECRET = 'PLANTED-query';

const uri = testDatabaseUri('notifications-spec');

class MovableClock extends Clock {
  at = START;
  override now(): number {
    return this.at;
  }
}

const threePending = { countFor: () => Promise.resolve(3) };

interface Migration {
  up(db: Db): Promise<void>;
}

interface Received {
  to: string[];
  raw: string;
  subject: string;
  messageId: string;
  /** The whole mail with its transfer encoding undone. */
  body: string;
}

/** A real mail server whose mails the test reads, and that can be told to go away, to refuse and to hang. */
class Sink {
  readonly mails: Received[] = [];
  port?: number;
  /** Without an address: every recipient. */
  refuse?: { code: number; text: string; address?: string };
  /** Mails that came while `hold` was set wait here for the OK. */
  readonly held: (() => void)[] = [];
  hold = false;
  private server?: SMTPServer;

  async listen(): Promise<void> {
    this.server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      closeTimeout: 50,
      onRcptTo: ({ address }, _session, done) => done(this.refusalOf(address)),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const accept = () => {
            const to = session.envelope.rcptTo.map(({ address }) => address);
            this.mails.push(toReceived(to, Buffer.concat(chunks).toString()));
            done();
          };
          if (this.hold) this.held.push(accept);
          else accept();
        });
      },
    });
    this.server.on('error', () => undefined); // connections that the test cuts off
    this.port ??= await freePort(); // it comes back to where it was
    await once(this.server.listen(this.port, '127.0.0.1'), 'listening');
  }

  private refusalOf(address: string): Error | undefined {
    if (!this.refuse || (this.refuse.address ?? address) !== address) return undefined;
    return Object.assign(new Error(this.refuse.text), { responseCode: this.refuse.code });
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function toReceived(to: string[], raw: string): Received {
  const unfolded = raw.replace(/\r\n[ \t]/g, ' ');
  const bytes = raw
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return {
    to,
    raw,
    subject: /^Subject: (.*)$/m.exec(unfolded)![1]!.trim(),
    messageId: /^Message-ID: (.*)$/m.exec(unfolded)![1]!.trim(),
    body: Buffer.from(bytes, 'latin1').toString('utf8'),
  };
}

const sink = new Sink();
const clock = new MovableClock();

function configWith(env: NodeJS.ProcessEnv = {}): Config {
  return testConfig({
    MONGODB_URI: uri,
    MIGRATIONS_ON_START: 'false',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: String(sink.port),
    SMTP_FROM: 'HBF <hbf@example.com>',
    OPERATOR_EMAIL_RECIPIENTS: 'op1@example.com, op2@example.com',
    ...env,
  });
}

const database = new Database(configWith({ SMTP_PORT: '25' }), new Clock());
const mails = database.connection.collection<MailDocument>('mails');
let integrations: IntegrationRepository;

/** One replica's notifications, wired by hand and without its poll. */
function replica(env: NodeJS.ProcessEnv = {}) {
  const config = configWith(env);
  const outbox = new MailOutbox(mailModel(database), clock);
  const composer = new MailComposer(
    config,
    integrations,
    new IntegrationCounts(integrationModel(database)),
    threePending,
  );
  const worker = new MailWorker(database, outbox, composer, new Mailer(config));
  const alerts: OperatorAlerts = new QueuedOperatorAlerts(config, clock, worker);
  replicas.push(worker);
  return { outbox, worker, alerts, notifications: new IntegrationNotifications(worker, integrations) };
}

const replicas: MailWorker[] = [];
const silentSockets: Socket[] = [];

interface Changes {
  organizationId?: string;
  recipients?: string[];
  tenants?: string[];
  enabled?: boolean;
}

async function integration(changes: Changes = {}) {
  const { id } = await integrations.create(
    changes.organizationId ?? 'org1',
    {
      url: `https://hooks.customer.example/in/chat?key=${QUERY_SECRET}`,
      tenants: changes.tenants ?? ['t1', 't2'],
      headers: [{ name: 'X-Key', value: HEADER_SECRET }],
      enabled: changes.enabled ?? true,
      errorEmailRecipients: changes.recipients ?? ['ops@customer.example'],
    },
    'ada@org.example',
    'whsec_UExBTlRFRA==',
  );
  return id;
}

async function change(id: number, changes: Partial<IntegrationSettings>) {
  const present = (await integrations.findById(id))!;
  await integrations.change(present, changes, 'ada@org.example');
}

/** A dead delivery of an integration with this one recipient, as it is noted. */
async function deadNote(recipient: string): Promise<MailNote> {
  const about = String(await integration({ recipients: [recipient] }));
  const facts = { at: new Date(clock.at), since: new Date(clock.at), recoveredAt: null, reason: null };
  return { topic: { type: 'integrations', organizationId: 'org1', recipient }, about, kind: 'dead', count: 1, facts };
}

function event(integrationId: number, kind: IntegrationEventKind, more: Partial<IntegrationEvent> = {}) {
  return { kind, integrationId, organizationId: 'org1', at: new Date(clock.at), ...more };
}

Logger.overrideLogger(false);
jest.setTimeout(20_000);

beforeAll(async () => {
  await sink.listen();
  await database.connection.openUri(uri, { monitorCommands: true });
  await database.connection.dropDatabase();
  await jest.requireActual<Migration>('../../migrations/0001-baseline.js').up(database.connection.db!);
  integrations = new IntegrationRepository(
    integrationModel(database),
    new Counter(counterModel(database)),
    clock,
    new Secrets(configWith()),
    new IntegrationChanges(integrationVersionModel(database), clock),
  );
});

afterEach(async () => {
  sink.hold = false;
  sink.held.splice(0).forEach((accept) => accept());
  await Promise.all(replicas.splice(0).map((worker) => worker.onModuleDestroy()));
  silentSockets.splice(0).forEach((socket) => socket.destroy());
  sink.refuse = undefined;
  sink.mails.length = 0;
  await mails.deleteMany({});
});

afterAll(async () => {
  await sink.close();
  await database.connection.close();
});

describe('mails to the recipients of an integration', () => {
  it('are sent at the first failure, with what an administrator needs and no secret', async () => {
    const { worker, notifications } = replica();
    const id = await integration({
      recipients: ['a@customer.example', 'b@customer.example'],
      tenants: Array.from({ length: 12 }, (_, i) => `tenant-${i}`),
    });
    const reason = `refused by https://u:${HEADER_SECRET}@h.example/x?key=${QUERY_SECRET}`;
    await notifications.record(event(id, 'first-failure', { statusCode: 503, reason }));
    await worker.run();

    expect(sink.mails.map(({ to }) => to).sort()).toEqual([['a@customer.example'], ['b@customer.example']]);
    const [mail] = sink.mails;
    expect(sink.mails[1]!.body.split('Subject: ')[1]).toContain('URL: https://hooks.customer.example/in/chat');
    expect(mail!.subject).toBe(`[hbf] Webhook integration ${id}: began to fail`);
    expect(mail!.raw).toContain('Auto-Submitted: auto-generated');
    for (const part of [
      'URL: https://hooks.customer.example/in/chat\r\n',
      'Organization: org1',
      'tenant-9 and 2 more',
      'Failing since: 2026-01-01 12:00:00 UTC',
      'Last status: HTTP 503',
      'Reason: refused by https://h.example/x\r\n',
      'Pending deliveries: 3',
      `GET /organizations/org1/integrations/errors/${id}`,
      `POST /organizations/org1/integrations/${id}/recover`,
      '<td', // the HTML part
    ])
      expect(mail!.body).toContain(part);
    expect(mail!.body).not.toMatch(/PLANTED|whsec|tenant-10/);
  });

  it('come as one digest with counts for what happens within the interval', async () => {
    const { worker, notifications } = replica();
    const id = await integration();
    await notifications.record(event(id, 'first-failure', { code: 'timeout' }));
    await worker.run();
    clock.at += 10 * MINUTE;
    await notifications.record(event(id, 'dead', { count: 4 }));
    await notifications.record(event(id, 'dead', { count: 8 }));
    await notifications.record(event(id, 'recovered', { statusCode: 200 }));
    clock.at += 50 * MINUTE - 1;
    await worker.run();
    expect(sink.mails).toHaveLength(1);

    clock.at += 1;
    await worker.run();
    expect(sink.mails.map(({ subject }) => subject)).toEqual([
      `[hbf] Webhook integration ${id}: began to fail`,
      `[hbf] Webhook integration ${id}: 12 deliveries were given up, works again`,
    ]);
    expect(sink.mails[1]!.body).toContain('Failed from: ');
    expect(sink.mails[1]!.body).toContain('Last status: HTTP 200\r\n');
    clock.at += 120 * MINUTE;
    await worker.run();
    expect(sink.mails).toHaveLength(2);
  });

  it('keep an event that comes while a mail is under way for the next one', async () => {
    const { worker, notifications } = replica();
    const id = await integration();
    sink.hold = true;
    await notifications.record(event(id, 'first-failure'));
    const accept = await waitFor('the mail to reach the server', () => sink.held.shift());
    await notifications.record(event(id, 'disabled'));
    sink.hold = false;
    accept();
    await worker.run();
    clock.at += 60 * MINUTE;
    await worker.run();
    expect(sink.mails.map(({ subject }) => subject.split(': ')[1])).toEqual(['began to fail', 'was disabled']);
  });

  it('say that it was disabled and how to enable it again', async () => {
    const { worker, notifications } = replica();
    const id = await integration({ enabled: false });
    await notifications.record(event(id, 'disabled', { statusCode: 410, reason: 'the endpoint answered 410 Gone' }));
    await worker.run();
    expect(sink.mails[0]!.subject).toContain('was disabled');
    expect(sink.mails[0]!.body).toContain(`Integration: ${id} (disabled)`);
    expect(sink.mails[0]!.body).toContain(`PATCH /organizations/org1/integrations/${id} with {"enabled": true}`);
    expect(sink.mails[0]!.body).toContain('Reason: the endpoint answered 410 Gone');
  });

  it('say that it works again, and since when it had failed', async () => {
    const { worker, notifications } = replica({ ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0' });
    const id = await integration();
    clock.at = START;
    await notifications.record(event(id, 'first-failure', { statusCode: 500 }));
    await worker.run();
    clock.at += 90 * MINUTE;
    await notifications.record(event(id, 'recovered', { statusCode: 204, since: new Date(START) }));
    await worker.run();
    const { subject, body } = sink.mails[1]!;
    expect(subject).toContain('works again');
    expect(body).toContain('Failed from: 2026-01-01 12:00:00 UTC');
    expect(body).toContain('Works again since: 2026-01-01 13:30:00 UTC');
    expect(body).not.toContain('Mend the endpoint');
  });

  it('are not queued where there is no recipient, the integration is gone or is another organization’s', async () => {
    const { worker, notifications } = replica();
    const silent = await integration({ recipients: [] });
    const other = await integration();
    await notifications.record(event(silent, 'first-failure'));
    await notifications.record(event(999_999, 'first-failure'));
    await notifications.record({ ...event(other, 'first-failure'), organizationId: 'org2' });
    await worker.run();
    expect(sink.mails).toEqual([]);
    expect(await mails.countDocuments()).toBe(0);
  });

  it('do not go to a recipient who is none any more when they are sent', async () => {
    const { worker, notifications } = replica();
    const [kept, left] = [await integration(), await integration({ recipients: ['left@customer.example'] })];
    await sink.close();
    for (const id of [kept, left]) await notifications.record(event(id, 'first-failure'));
    await worker.run();
    await change(left, { errorEmailRecipients: ['new@customer.example'] });
    await sink.listen();
    clock.at += MINUTE;
    await worker.run();
    expect(sink.mails.map(({ to }) => to)).toEqual([['ops@customer.example']]);
    expect(worker.totals['without-recipients']).toBe(1);
  });
});

describe('the digest of many integrations with the same recipients', () => {
  const recipients = Array.from({ length: 20 }, (_, i) => `r${i}@customer.example`);

  it('is one mail for each recipient in the interval: 40 for a failing hour of 1,000 integrations, not 20,000', async () => {
    const { worker, notifications } = replica();
    const ids: number[] = [];
    for (let i = 0; i < 1_000; i++) ids.push(await integration({ recipients }));
    await change(ids[30]!, { enabled: false });
    const fail = (of: number[], kind: IntegrationEventKind) =>
      Promise.all(of.map((id) => notifications.record(event(id, kind, { statusCode: 503 }))));

    await fail(ids.slice(0, 1), 'first-failure');
    await worker.run();
    expect(told()).toEqual(recipients.map((to) => `${to} [hbf] Webhook integration ${ids[0]}: began to fail`).sort());

    for (let minute = 1; minute < 60; minute++) {
      clock.at += MINUTE;
      if (minute === 1) await fail(ids.slice(1), 'first-failure');
      if (minute === 30) await fail(ids.slice(30, 31), 'disabled');
      if (minute === 50) await fail(ids.slice(0, 100), 'dead');
      await worker.run();
    }
    expect(sink.mails).toHaveLength(20);

    sink.mails.length = 0;
    clock.at += MINUTE;
    await worker.run();
    const subject = '[hbf] 1000 webhook integrations: 999 began to fail, 100 deliveries were given up, 1 was disabled';
    expect(told()).toEqual(recipients.map((to) => `${to} ${subject}`).sort());
    const { body } = sink.mails[0]!;
    const text = body.slice(0, body.indexOf('<!doctype'));
    const listed = [...text.matchAll(/^Integration (\d+) \((enabled|disabled)\): (.*)$/gm)].map(
      ([, ...parts]) => parts,
    );
    expect(listed).toHaveLength(50);
    expect(listed[0]!.slice(0, 2)).toEqual([String(ids[30]), 'disabled']);
    expect(listed[0]![2]).toContain('began to fail, 1 delivery was given up, was disabled; failing since 2026-01-01');
    expect(text).toContain('More: and 950 more');
    expect(text).toContain('GET /organizations/org1/integrations/errors/');
    expect(body).toContain('https://hooks.customer.example/in/chat');
    expect(body).not.toMatch(/PLANTED|whsec/);
    const stored = await mails.find().toArray();
    expect(stored.map(({ entries, more, dueAt }) => [entries, more, dueAt])).toEqual(Array(20).fill([undefined, undefined, undefined])); // prettier-ignore

    clock.at += 120 * MINUTE;
    await worker.run();
    expect(sink.mails).toHaveLength(20);
  }, 120_000);

  it('counts what comes while it is under way in the next one, and only that', async () => {
    const { worker, notifications } = replica();
    const ids: number[] = [];
    for (let i = 0; i < 53; i++) ids.push(await integration());
    await sink.close();
    for (const id of ids) await notifications.record(event(id, 'dead', { count: 2 }));
    await worker.run();
    await sink.listen();
    sink.hold = true;
    clock.at += MINUTE;
    worker.wake();
    const accept = await waitFor('the mail to reach the server', () => sink.held.shift());
    await notifications.record(event(ids[0]!, 'dead', { count: 3 }));
    await notifications.record(event(ids[52]!, 'disabled'));
    sink.hold = false;
    accept();
    await worker.run();
    clock.at += 60 * MINUTE;
    await worker.run();
    expect(sink.mails.map(({ subject }) => subject)).toEqual([
      '[hbf] 53 webhook integrations: 106 deliveries were given up',
      '[hbf] 2 webhook integrations: 3 deliveries were given up, 1 was disabled',
    ]);
    expect(sink.mails[1]!.body).toContain(`Integration ${ids[0]} (enabled): 3 deliveries were given up;`);
    expect(sink.mails[1]!.body).toContain('More: and 1 more');
  });

  it('loses nothing and tells nothing twice where two replicas note and send at once', async () => {
    const both = [
      replica({ ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0' }),
      replica({ ERROR_EMAIL_MIN_INTERVAL_IN_MINS: '0' }),
    ];
    const id = await integration();
    const dead = Array.from({ length: 300 }, (_, i) => both[i % 2]!.notifications.record(event(id, 'dead')));
    await Promise.all(dead);
    for (const { worker } of both) await worker.run();
    const given = sink.mails.map(({ subject }) => Number(/(\d+) deliver(?:y was|ies were) given up/.exec(subject)![1]));
    expect(given.reduce((sum, count) => sum + count)).toBe(300);
  });

  it('leaves out the integrations of which the recipient is none any more', async () => {
    const { worker, notifications } = replica();
    const ids: number[] = [];
    for (let i = 0; i < 53; i++) ids.push(await integration());
    await sink.close();
    for (const id of ids) await notifications.record(event(id, 'first-failure'));
    await worker.run();
    for (const id of [ids[0]!, ids[52]!]) await change(id, { errorEmailRecipients: [] });
    await sink.listen();
    clock.at += MINUTE;
    await worker.run();
    expect(sink.mails).toHaveLength(1);
    const { body } = sink.mails[0]!;
    expect(body).toContain('51 webhook integrations');
    expect(body).not.toContain(`Integration ${ids[0]} `);
    expect(body).toContain('More: and 2 more');
  });

  it('tells nobody of another organization’s integrations', async () => {
    const { worker, notifications } = replica();
    await notifications.record(event(await integration(), 'first-failure'));
    const foreign = await integration({ organizationId: 'org2' });
    await notifications.record({ ...event(foreign, 'first-failure'), organizationId: 'org2' });
    await worker.run();
    expect(sink.mails.map(({ to }) => to)).toEqual([['ops@customer.example'], ['ops@customer.example']]);
    for (const { body } of sink.mails) expect(body.match(/Organization: org\d/g)).toHaveLength(1);
  });

  const told = () => sink.mails.map(({ to, subject }) => `${to.join()} ${subject}`).sort();
});

describe('a mail server in trouble', () => {
  it('that is slow holds up no recording', async () => {
    const { worker, notifications } = replica();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ recipients: [`${name}@customer.example`] }));
    const ids = [await integration(a), await integration(b), await integration(c)];
    sink.hold = true;
    await notifications.record(event(ids[0]!, 'first-failure'));
    await waitFor('a connection to hang', () => sink.held.length === 1);
    await notifications.record(event(ids[1]!, 'first-failure'));
    await notifications.record(event(ids[2]!, 'first-failure'));
    await waitFor('both connections to hang', () => sink.held.length === 2);
    await notifications.record(event(ids[0]!, 'dead'));
    expect(sink.mails).toEqual([]);
    sink.hold = false;
    sink.held.splice(0).forEach((accept) => accept());
    await worker.run();
    expect(sink.mails).toHaveLength(3);
  });

  it('that is away and comes back gets one mail with all that happened', async () => {
    const { worker, notifications } = replica();
    const id = await integration();
    await sink.close();
    await notifications.record(event(id, 'first-failure'));
    await worker.run();
    const mail = await mails.findOne({ _id: 'integrations:ops@customer.example:org1' });
    expect(mail).toMatchObject({ attempts: 1, dueAt: new Date(clock.at + MINUTE) });

    await notifications.record(event(id, 'dead', { count: 2 }));
    await sink.listen();
    await worker.run();
    expect(sink.mails).toEqual([]);
    clock.at += MINUTE;
    await worker.run();
    expect(sink.mails).toHaveLength(1);
    expect(sink.mails[0]!.subject).toContain('began to fail, 2 deliveries were given up');
  });

  it('spends no attempt of the mails that were not tried', async () => {
    const { outbox, worker } = replica();
    await sink.close();
    for (let i = 0; i < 5; i++) {
      await outbox.add(await deadNote(`r${i}@customer.example`));
    }
    await worker.run();
    await sink.listen();
    expect(await mails.countDocuments({ attempts: 1 })).toBe(2);
    expect(await mails.countDocuments({ attempts: { $exists: false } })).toBe(3);
  });

  it('is given up after about two days, and the next event is mailed again', async () => {
    const { worker, notifications } = replica();
    const id = await integration();
    await sink.close();
    await notifications.record(event(id, 'first-failure'));
    await worker.run();
    const begun = clock.at;
    for (const wait of MAIL_RETRY_WAITS_MS) {
      clock.at += wait;
      await worker.run();
    }
    expect((clock.at - begun) / (24 * 60 * MINUTE)).toBeCloseTo(2, 0);
    expect(worker.totals).toMatchObject({ 'server-trouble': MAIL_RETRY_WAITS_MS.length, 'given-up': 1 });
    expect(await mails.findOne({ dueAt: { $exists: true } })).toBeNull();

    await sink.listen();
    await notifications.record(event(id, 'dead'));
    await worker.run();
    expect(sink.mails.map(({ subject }) => subject.split(': ')[1])).toEqual(['1 delivery was given up']);
  });

  it.each([
    { code: 550, becomes: 'given-up' },
    { code: 450, becomes: 'refused' },
  ] as const)('that answers $code to the recipient: $becomes', async ({ code, becomes }) => {
    const { worker, notifications } = replica();
    sink.refuse = { code, text: 'not here' };
    await notifications.record(event(await integration(), 'first-failure'));
    await worker.run();
    expect(worker.totals[becomes]).toBe(1);
    expect(await mails.countDocuments({ dueAt: { $exists: true } })).toBe(becomes === 'refused' ? 1 : 0);
  });

  it.each(['integration', 'operators'] as const)(
    'that answers 450 to one of several recipients is asked for him alone again: %s',
    async (about) => {
      const { worker, notifications, alerts } = replica();
      const alert = { kind: 'core-refuses', key: 'core', subject: 'hbf-core refuses us', details: {} } as const;
      const id = await integration({ recipients: ['op1@example.com', 'op2@example.com', 'op3@example.com'] });
      sink.refuse = { code: 450, text: 'mailbox busy', address: 'op1@example.com' };
      if (about === 'operators') await alerts.raise(alert);
      else await notifications.record(event(id, 'first-failure'));
      await worker.run();
      clock.at += MINUTE;
      await worker.run();
      const others = about === 'operators' ? ['op2@example.com'] : ['op2@example.com', 'op3@example.com'];
      expect(sink.mails.flatMap(({ to }) => to).sort()).toEqual(others);
      expect(worker.totals).toMatchObject({ sent: others.length, refused: 2 });

      sink.refuse = undefined;
      clock.at += 5 * MINUTE;
      await worker.run();
      clock.at += 120 * MINUTE;
      await worker.run();
      expect(sink.mails.flatMap(({ to }) => to).sort()).toEqual(['op1@example.com', ...others]);
      expect(new Set(sink.mails.map(({ subject }) => subject)).size).toBe(1);
      expect(worker.totals).toMatchObject({ sent: 1 + others.length, refused: 2 });
    },
  );

  it('that refuses one of several recipients for good is not asked again', async () => {
    const { worker, alerts } = replica();
    sink.refuse = { code: 550, text: 'no such mailbox', address: 'op1@example.com' };
    await alerts.raise({ kind: 'core-refuses', key: 'core', subject: 's', details: {} });
    await worker.run();
    clock.at += 60 * MINUTE;
    await worker.run();
    expect(sink.mails.map(({ to }) => to)).toEqual([['op2@example.com']]);
    expect(worker.totals).toMatchObject({ sent: 1, 'given-up': 1 });
  });

  it('that hangs is cut off by a stop, and the mail is left to the next process', async () => {
    const { worker } = replica();
    const hanging = replica({ SMTP_PORT: String(await silentServer()) });
    await hanging.notifications.record(event(await integration(), 'first-failure'));
    await waitFor('the mail to be claimed', () => mails.findOne({ token: { $exists: true } }));
    await hanging.worker.onModuleDestroy();
    expect(await mails.findOne({})).toMatchObject({ attempts: 0, dueAt: new Date(clock.at) });
    await worker.run();
    expect(sink.mails).toHaveLength(1);
  });
});

describe('the outbox', () => {
  it('survives a restart: the next process, wired by Nest, sends what was queued', async () => {
    const before = replica();
    await sink.close();
    const id = await integration();
    await before.notifications.record(event(id, 'dead', { count: 7 }));
    await before.worker.run();
    await before.worker.onModuleDestroy();
    await sink.listen();
    clock.at += MINUTE;

    const context = await Test.createTestingModule({
      imports: [ConfigModule.for(configWith()), PersistenceModule, NotificationsModule],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    await context.init();
    await waitFor('the mail', () => sink.mails.length);
    expect(sink.mails[0]!.subject).toContain('7 deliveries were given up');
    expect(sink.mails[0]!.body).toContain('Pending deliveries: 0');
    expect(context.get(OperatorAlerts)).toBeInstanceOf(QueuedOperatorAlerts);
    await context.close();
  });

  it('lets two replicas send each mail once', async () => {
    const [one, two] = [replica(), replica()];
    for (let i = 0; i < 12; i++) {
      await one.outbox.add(await deadNote(`r${i}@customer.example`));
    }
    await Promise.all([one.worker.run(), two.worker.run()]);
    expect(sink.mails).toHaveLength(12);
    expect(new Set(sink.mails.map(({ subject }) => subject)).size).toBe(12);
    expect(new Set(sink.mails.map(({ messageId }) => messageId)).size).toBe(12);
  });

  it('gives the mail of a process that died to another process, and takes no late outcome', async () => {
    const { outbox, worker } = replica();
    const topic = { type: 'operators', recipient: 'op1@example.com', kind: 'training-failed', key: 'p1' } as const;
    await outbox.add({
      topic,
      about: 'alert',
      kind: topic.kind,
      count: 1,
      facts: { at: new Date(clock.at), subject: 's', details: [] },
    });
    const died = await outbox.claim();
    await worker.run();
    expect(sink.mails).toEqual([]);
    clock.at += 5 * MINUTE;
    await worker.run();
    expect(sink.mails).toHaveLength(1);
    expect(await outbox.settle(died!, 0)).toBe(false);
    expect(await outbox.release(died!, 1, 0)).toBe(false);
  });

  it('is looked at with one command over an index when nothing is due', async () => {
    const { worker } = replica();
    const commands: string[] = [];
    const note = ({ commandName }: CommandStartedEvent) => commands.push(commandName);
    const client = database.connection.getClient();
    client.on('commandStarted', note);
    await worker.run();
    client.off('commandStarted', note);
    expect(commands).toEqual(['findAndModify']);

    const due = mails.find({ dueAt: { $lte: new Date() } }).sort({ dueAt: 1 });
    const { queryPlanner } = (await due.explain()) as { queryPlanner: { winningPlan: object } };
    expect(JSON.stringify(queryPlanner.winningPlan)).toMatch(/"indexName":"due"/);
    expect(JSON.stringify(queryPlanner.winningPlan)).not.toContain('"SORT"');
  });

  it('forgets after seven days what was sent', async () => {
    const { outbox, worker, alerts } = replica();
    await alerts.raise({ kind: 'core-refuses', key: 'core', subject: 's', details: {} });
    await worker.run();
    expect(await outbox.purge(clock.at + 7 * 24 * 60 * MINUTE)).toBe(0);
    expect(await outbox.purge(clock.at + 7 * 24 * 60 * MINUTE + 1)).toBe(2);
    expect(await mails.countDocuments()).toBe(0);
  });

  it('takes nothing without SMTP_HOST', async () => {
    const { worker, notifications, alerts } = replica({ SMTP_HOST: '' });
    await notifications.record(event(await integration(), 'first-failure'));
    await alerts.raise({ kind: 'core-refuses', key: 'core', subject: 's', details: {} });
    worker.onApplicationBootstrap();
    expect(await mails.countDocuments()).toBe(0);
  });
});

describe('operator alerts', () => {
  it('go to the operators at most once an hour per kind and key, with how often they were raised', async () => {
    const { worker, alerts } = replica();
    const refused = { kind: 'core-refuses', subject: 'hbf-core refuses us', details: { status: 401 } } as const;
    for (let i = 0; i < 3; i++) {
      await alerts.raise({ ...refused, key: 'core' });
      await worker.run();
    }
    await alerts.raise({ ...refused, key: 'other' });
    await alerts.raise({ ...refused, kind: 'training-failed', key: 'core' });
    await worker.run();
    const toBoth = (count: number) =>
      ['op1@example.com', 'op2@example.com'].flatMap((to) => Array<string>(count).fill(to));
    expect(sink.mails.flatMap(({ to }) => to).sort()).toEqual(toBoth(3));
    for (const { subject } of sink.mails) expect(subject).toBe('[hbf] hbf-core refuses us');
    expect(sink.mails[0]!.body).toContain('status: 401');

    clock.at += 60 * MINUTE;
    await worker.run();
    expect(sink.mails.flatMap(({ to }) => to).sort()).toEqual(toBoth(4));
    for (const { body } of sink.mails.slice(6)) expect(body).toContain('Raised since the last mail: 2');
  });

  it('do not go to an operator who is none any more when they are sent', async () => {
    const before = replica();
    await sink.close();
    await before.alerts.raise({ kind: 'core-refuses', key: 'core', subject: 's', details: {} });
    await before.worker.run();
    await sink.listen();
    clock.at += MINUTE;
    await replica({ OPERATOR_EMAIL_RECIPIENTS: 'op2@example.com' }).worker.run();
    expect(sink.mails.map(({ to }) => to)).toEqual([['op2@example.com']]);
  });

  it('cannot add a header or a recipient', async () => {
    const { worker, alerts } = replica();
    const subject = 'x\r\nBcc: thief@example.com\r\n\r\nbody';
    await alerts.raise({ kind: 'tenant-disabled', key: 't', subject, details: { 'a\nb': 'c\nUnknown: line' } });
    await worker.run();
    expect(sink.mails.map(({ to }) => to).sort()).toEqual([['op1@example.com'], ['op2@example.com']]);
    expect(sink.mails[0]!.raw.split('\r\n\r\n')[0]).not.toMatch(/^Bcc:/m);
    expect(sink.mails[0]!.body).toContain('\r\na b: c Unknown: line\r\n');
  });

  it('are not queued without operators', async () => {
    const { alerts } = replica({ OPERATOR_EMAIL_RECIPIENTS: '' });
    await alerts.raise({ kind: 'core-refuses', key: 'core', subject: 's', details: {} });
    expect(await mails.countDocuments()).toBe(0);
  });
});

describe('the mail configuration', () => {
  it('asks for a sender with SMTP_HOST and for a password with SMTP_USER', () => {
    expect(() => configWith({ SMTP_FROM: '' })).toThrow('SMTP_FROM is required when SMTP_HOST is set');
    expect(() => configWith({ SMTP_USER: 'u' })).toThrow('SMTP_PASSWORD is required when SMTP_USER is set');
    expect(() => configWith({ SMTP_HOST: '', SMTP_FROM: '' })).not.toThrow();
  });

  it('names a bad sender once', () => {
    expect(() => configWith({ SMTP_FROM: 'a\nb@c' })).toThrow(
      /^[^]*: *\n {2}- SMTP_FROM must be an e-mail address[^\n]*$/,
    );
  });
});

/** Takes connections and never greets. */
async function silentServer(): Promise<number> {
  const server = createServer((socket) => silentSockets.push(socket))
    .listen(0, '127.0.0.1')
    .unref();
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
