import { SmtpSink } from '../../world/receivers/smtp-sink.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const USAGE = 'GET /tenants/usage';
const DISABLE = 'PATCH /tenants/{id}';
const ON = { TENANT_USAGE_CAPS_ENABLED: 'true' };

let round: Round;
let smtp: SmtpSink | undefined;

async function start(env: Record<string, string> = ON): Promise<void> {
  round = await Round.start('usage-caps', env);
}

afterEach(async () => {
  expect(round.platform.violations).toEqual([]);
  await round.stop();
  await smtp?.stop(); // after the service, which keeps its connection
  smtp = undefined;
});

const disabled = (...ids: string[]) => ids.filter((id) => round.core.tenant(id)['disabled'] === true);
const use = (tenantId: string, numOfSessions: number, numOfUserMessages = 0) => ({ tenantId, numOfSessions, numOfUserMessages }); // prettier-ignore

it('asks hbf-core nothing unless it is enabled', async () => {
  await start({});
  round.addTenant('t1', { maxNumOfSessions: 1 });
  round.core.setUsage([use('t1', 100)]);
  await round.check();
  expect(round.core.server.count(USAGE)).toBe(0);
  expect(disabled('t1')).toEqual([]);
});

it('disables tenants that are over one of their limits, and changes nothing else of them', async () => {
  await start();
  round.addTenant('by-sessions', { maxNumOfSessions: 2 });
  round.addTenant('by-messages', { maxNumOfUserMessages: 10, maxNumOfSessions: 0 });
  round.addTenant('at-limit', { maxNumOfSessions: 3, maxNumOfUserMessages: 11 });
  round.addTenant('zero', { maxNumOfSessions: 0, maxNumOfUserMessages: 0 });
  round.addTenant('unlimited');
  const ids = ['by-sessions', 'by-messages', 'at-limit', 'zero', 'unlimited'];
  const before = structuredClone(ids.map((id) => round.core.tenant(id)));
  round.core.setUsage(ids.map((id) => use(id, 3, 11)));
  await round.check();
  expect(round.core.server.requests.find(({ route }) => route === USAGE)!.query).toBe(
    'includeOnlyWithUsageLimits=true',
  );
  expect(disabled(...ids)).toEqual(['by-sessions', 'by-messages']);
  expect(round.core.server.count(DISABLE, 204)).toBe(2);
  const others = ids.map((id) => ({ ...round.core.tenant(id), disabled: false }));
  expect(others).toEqual(before);
});

it('reads the usage after the sessions were checked', async () => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2 });
  round.addSession('t1', 20);
  round.addSession('t1', 5);
  await round.check();
  expect(disabled('t1')).toEqual([]);
  round.addSession('t1', 1);
  expect(await round.check()).toMatchObject({ completed: 0 });
  expect(disabled('t1')).toEqual(['t1']);
});

it('mails the operators once', async () => {
  const sink = (smtp = await SmtpSink.start());
  await start({ ...ON, ...sink.environment, OPERATOR_EMAIL_RECIPIENTS: 'ops@example.com' });
  round.addTenant('t1', { maxNumOfSessions: 2 });
  round.core.setUsage([use('t1', 3)]);
  await round.check();
  await waitFor('the mail', () => sink.mails.length > 0);
  await round.check();
  expect(sink.mails).toHaveLength(1);
  expect(sink.mails[0]!.to).toEqual(['ops@example.com']);
  expect(sink.mails[0]!.subject).toContain('t1');
  expect(sink.mails[0]!.text).toContain('maxNumOfSessions');
});

it('changes nothing of a tenant that is already disabled', async () => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2, fields: { disabled: true } });
  round.core.setUsage([use('t1', 3)]);
  await round.check();
  await round.check();
  expect(round.core.server.count(DISABLE)).toBe(0);
});

it('does not disable a tenant again that an operator enabled, until its usage was under the limit in between', async () => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2 });
  round.core.setUsage([use('t1', 3)]);
  await round.check();
  round.core.changeTenant('t1', { disabled: false });
  await round.check();
  expect(disabled('t1')).toEqual([]);
  round.core.setUsage([use('t1', 1)]);
  await round.check();
  round.core.setUsage([use('t1', 4)]);
  await round.check();
  expect(disabled('t1')).toEqual(['t1']);
  expect(round.core.server.count(DISABLE)).toBe(2);
});

it.each([
  ['a page', { items: [use('t1', 3)], page: 0, total: 1 }],
  ['the id of a tenant within', [{ id: 'x', tenant: { id: 't1' }, sessionCount: 3 }]],
  ['an id of its own', [{ id: 't1', usage: { totalSessions: 3 } }]],
])('reads the usage of %s', async (_, usage) => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2 });
  round.core.setUsage(usage);
  await round.check();
  expect(disabled('t1')).toEqual(['t1']);
});

it.each([
  ['a text', 'much'],
  ['an object by tenant', { t1: { numOfSessions: 3 } }],
  ['counts under unknown names', [{ tenantId: 't1', n: 3 }]],
  ['counts that are texts', [{ tenantId: 't1', numOfSessions: '3' }]],
  ['one entry a month', [use('t1', 3), use('t1', 4)]],
  ['unknown tenants', [use('t9', 3)]],
])('disables no tenant for %s', async (_, usage) => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2 });
  const sessionId = round.addSession('t1', 20);
  round.core.setUsage(usage);
  expect(await round.check()).toMatchObject({ completed: 1 });
  await round.check();
  expect(round.core.server.count(DISABLE)).toBe(0);
  expect(disabled('t1')).toEqual([]);
  expect(round.core.session(sessionId).status).toBe('COMPLETED');
});

it.each([
  [USAGE, 500],
  [USAGE, 404],
  [DISABLE, 503],
  [DISABLE, 403],
])(
  'tries again at the next check when %s is answered %i, and does not disturb the session check',
  async (route, status) => {
    await start();
    for (const id of ['t1', 't2']) round.addTenant(id, { maxNumOfSessions: 2 });
    round.addSession('t1', 20);
    round.core.setUsage([use('t1', 3), use('t2', 3)]);
    round.platform.fault({ service: 'hbf-core', route, kind: 'status', status });
    expect(await round.check()).toMatchObject({ completed: 1, tenantsFailed: 0 });
    expect(disabled('t1', 't2')).toEqual([]);
    round.platform.clearFaults();
    await round.check();
    expect(disabled('t1', 't2')).toEqual(['t1', 't2']);
  },
);

it('leaves the caps to the replica that holds the lease', async () => {
  await start();
  round.addTenant('t1', { maxNumOfSessions: 2 });
  round.core.setUsage([use('t1', 3)]);
  const leases = round.db.collection<{ _id: string; owner: string; until: Date }>('leases');
  await leases.insertOne({ _id: 'usage-caps', owner: 'another', until: new Date(Date.now() + 600_000) });
  await round.check();
  expect(round.core.server.count(USAGE)).toBe(0);
  await round.age(HOUR_MS);
  await round.check();
  expect(disabled('t1')).toEqual(['t1']);
});
