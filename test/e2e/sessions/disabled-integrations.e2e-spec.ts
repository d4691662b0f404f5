import { intendedIn } from '../../world/record.js';
import { HOUR_MS, LEASE_PASSES_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Admin } from '../fixtures/admin.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { addSessions, deliveryNow, deliveryOf, destinationsOf, integrationErrors } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000);

const LONG_AGO = '2020-01-01T00:00:00Z';
const reason = 'the integration was disabled when the session ended';
const CANCELLED = {
  listed: ['cancelled', 'cancelled:webhook'],
  destination: 'webhook:1',
  state: 'cancelled',
  reason,
  claims: 0,
  attempts: 0,
  log: [],
};
const PATCH = 'PATCH /chat-sessions/batch/complete';

describe('sessions that end while an integration is disabled', () => {
  let round: Round;
  let admin: Admin;

  const start = async (env: Record<string, string> = {}) => {
    round = await Round.start('disabled-integrations', { API_RATE_LIMIT_PER_MIN: '1000000', ...env });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  };

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const end = async (count: number): Promise<string[]> => {
    const ids = addSessions(round, 't1', count);
    await round.check();
    return ids.sort();
  };

  const enable = async (id = 1) => expect((await admin.change(id, { enabled: true })).status).toBe(200);

  it('are brought by a redelivery, each once, after a 410 and its repair', async () => {
    await start();
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 410 });
    const [first] = (await end(1)) as [string];
    await waitFor('it to be disabled', async () => !(await admin.integration(1)).body.enabled);
    await round.allSettled();
    const between = await end(5);
    const completions = await round.allSettled();
    for (const id of between) expect(deliveryOf(completions.get(id), 'webhook:1')).toEqual(CANCELLED);
    expect(
      (await admin.deliveries(1, { state: 'cancelled' })).body.items.map(({ sessionId }) => sessionId).sort(),
    ).toEqual(between);
    expect((await admin.session(between[0]!)).body.completions[0]).toMatchObject({ leftOut: [] });
    expect((await integrationErrors(round.db)).map(({ sessionId }) => sessionId)).toEqual([first]);
    expect(await destinationsOf(round.db).countDocuments({ _id: 'webhook:1', openUntil: { $exists: true } })).toBe(0);
    expect(receiver.received).toHaveLength(1);

    receiver.behave({ kind: 'ok' });
    await enable();
    const [after] = (await end(1)) as [string];
    await round.age(HOUR_MS);
    await round.allSettled();
    expect(receiver.accepted.map(({ sessionId }) => sessionId)).toEqual([after]); // nothing comes by itself
    expect(await admin.redeliverAll({ since: LONG_AGO }, '/integrations/1')).toBe(6);
    await round.allSettled();
    expect(receiver.accepted.map(({ sessionId }) => sessionId).sort()).toEqual([first, ...between, after].sort());
    expect(receiver.accepted.map(({ webhookId }) => webhookId)).toContain(`${between[0]}:1`);
  });

  it('can be sent again one by one, once it is enabled', async () => {
    await start();
    const receiver = await round.addWebhook('t1', { enabled: false });
    const [id] = (await end(1)) as [string];
    await round.allSettled();
    expect((await admin.retry(1, id)).status).toBe(409);
    await enable();
    expect((await admin.retry(1, id)).status).toBe(202);
    await round.allSettled();
    expect(receiver.received.map(({ sessionId }) => sessionId)).toEqual([id]);
    expect(await deliveryNow(round, id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('are written down for it also when the process goes away before their completions are written', async () => {
    await start();
    const enabled = await round.addWebhook('t1');
    const disabled = await round.addWebhook('t1', { enabled: false });
    round.core.server.fault({ kind: 'reset', route: PATCH, stage: 'before', times: 3 });
    const ids = await end(3);
    expect(await intendedIn(round.db)).toMatchObject(ids.map(() => ({ cancelled: ['webhook:2'] })));
    const shown = (await admin.delivery(2, ids[0]!)).body;
    expect(shown).toMatchObject({ state: 'cancelled', reason, attempts: 0 });

    await round.restart();
    await round.age(LEASE_PASSES_MS);
    await round.check();
    const completions = await round.allSettled();
    for (const id of ids) {
      expect(deliveryOf(completions.get(id), 'webhook:2')).toEqual({ ...CANCELLED, destination: 'webhook:2' });
    }
    expect([enabled.received.length, disabled.received.length]).toEqual([3, 0]);
    await enable(2);
    expect(await admin.redeliverAll({ since: LONG_AGO }, '/integrations/2')).toBe(3);
    await round.allSettled();
    expect(disabled.received.map(({ sessionId }) => sessionId).sort()).toEqual(ids);
    expect(enabled.received).toHaveLength(3);
  });

  it('stay cancelled for it where hbf-core knows one of them no more and the other deliveries are dead', async () => {
    await start();
    await round.addWebhook('t1', { enabled: false });
    round.core.server.fault({ kind: 'reset', route: PATCH, stage: 'before', times: 3 });
    const [id, other] = (await end(2)) as [string, string];
    round.core.removeSession(id);
    await round.age(LEASE_PASSES_MS);
    for (let hour = 0; hour < 8; hour++) {
      await round.check();
      await round.age(HOUR_MS);
    }
    const { deliveries, open } = (await round.allSettled()).get(id)!;
    expect(deliveries.map(({ destination, state }) => [destination, state])).toEqual([
      ['flow:t1', 'dead'],
      ['surveys:t1', 'dead'],
      ['webhook:1', 'cancelled'],
    ]);
    expect(open).toBe(false);
    expect(await deliveryNow(round, other)).toEqual(CANCELLED);
    expect(await integrationErrors(round.db)).toEqual([]);
  });

  it('are written down for each time that they end', async () => {
    await start();
    await round.addWebhook('t1', { enabled: false });
    const [id] = (await end(1)) as [string];
    await round.allSettled();
    round.core.touch(id, new Date(Date.now() - 900_000));
    await round.db.collection('leases').deleteMany({});
    await round.check();
    const completions = await round.allSettled();
    expect(deliveryOf(completions.get(`${id}:2`), 'webhook:1')).toEqual(CANCELLED);
  });

  it('are written down for the newest of them, as many as may be enabled; the log says so once a check', async () => {
    await start({ INTEGRATIONS_MAX_PER_TENANT: '2', SESSION_PAGE_SIZE: '2' });
    for (let n = 0; n < 4; n++) await round.addWebhook('t1', { enabled: false });
    const logs = captureLogs(round);
    const ids = await end(6);
    const completions = await round.allSettled();
    for (const id of ids) {
      const webhooks = completions.get(id)!.deliveries.filter(({ state }) => state === 'cancelled');
      expect(webhooks.map(({ destination }) => destination)).toEqual(['webhook:4', 'webhook:3']);
    }
    const said = () => logs.filter(({ event }) => event === 'integrations.left-out').map(({ facts }) => facts);
    expect(said()).toEqual([{ tenantId: 't1', organizationId: 'org-t1', recorded: 2 }]);
    expect((await admin.session(ids[0]!)).body.completions[0]!.leftOut).toEqual(
      [1, 2].map((integrationId) => ({ integrationId, reason: 'it is disabled' })),
    );
    await end(1);
    expect(said()).toHaveLength(2);
  });

  it("are not written down for another organization's: the tenant has left it", async () => {
    await start();
    await round.addWebhook('t1', { enabled: false });
    round.core.changeTenant('t1', { organizationId: 'org-new' });
    const id = round.addSession('t1', 20);
    round.core.session(id).organizationId = 'org-new';
    await round.check();
    const { deliveries } = (await round.allSettled()).get(id)!;
    expect(deliveries.map(({ destination }) => destination)).toEqual(['flow:t1', 'surveys:t1']);
    expect((await admin.deliveries(1)).body.items).toEqual([]);
  });
});
