import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000); // a busy machine must not fail it

describe('the webhooks of an ended session', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('session-check-integrations');
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  async function roundTrip(id: string) {
    await round.check();
    return (await round.allSettled()).get(id)!;
  }

  const webhooks = (deliveries: readonly { destination: string }[]) =>
    deliveries.map(({ destination }) => destination).filter((name) => name.startsWith('webhook:'));

  it('go to each enabled integration that lists the tenant, are cancelled for a disabled one, and go to no other', async () => {
    round.addTenant('t2', { organizationId: 'org-t1' });
    const first = await round.addWebhook('t1');
    const both = await round.addWebhook('t1', { tenants: ['t2', 't1'] });
    const other = await round.addWebhook('t1', { tenants: ['t2'] });
    const disabled = await round.addWebhook('t1', { enabled: false });
    const id = round.addSession('t1', 20);
    const { deliveries, leftOut } = await roundTrip(id);
    expect(webhooks(deliveries)).toEqual(['webhook:1', 'webhook:2', 'webhook:4']);
    expect(deliveries.map(({ state }) => state)).toEqual([...new Array(4).fill('delivered'), 'cancelled']);
    expect(leftOut).toEqual([]);
    expect([first, both, other, disabled].map(({ received }) => received.length)).toEqual([1, 1, 0, 0]);
    const keys = [first, both].map(({ received }) => received[0]!.webhookId);
    expect(new Set(keys).size).toBe(2);
  });

  it("do not go to another organization's integration that names the tenant: it is left out, and the record says so", async () => {
    const own = await round.addWebhook('t1');
    const spy = await round.addWebhook('t1', { organizationId: 'org-spy' });
    const id = round.addSession('t1', 20);
    const { deliveries, leftOut } = await roundTrip(id);
    expect(webhooks(deliveries)).toEqual(['webhook:1']);
    expect(leftOut).toEqual([{ integrationId: 2, reason: 'the tenant belongs to another organization' }]);
    expect([own.received.length, spy.received.length]).toEqual([1, 0]);
  });

  it('go to the organization that the tenant belongs to when the session ends', async () => {
    const before = await round.addWebhook('t1');
    const now = await round.addWebhook('t1', { organizationId: 'org-new' });
    round.core.changeTenant('t1', { organizationId: 'org-new' });
    const id = round.addSession('t1', 20);
    round.core.session(id).organizationId = 'org-new';
    const completion = await roundTrip(id);
    expect(completion.organizationId).toBe('org-new');
    expect(completion.leftOut.map(({ integrationId }) => integrationId)).toEqual([1]);
    expect([before.received.length, now.received.length]).toEqual([0, 1]);
    expect(now.received[0]!.body).toMatchObject({ organizationId: 'org-new', tenantId: 't1' });
  });

  it('go to the integrations of their own tenant alone, however many tenants one check has', async () => {
    round.addTenant('t2');
    const receivers = [await round.addWebhook('t1'), await round.addWebhook('t2')];
    const ids = [round.addSession('t1', 20), round.addSession('t2', 20)];
    await round.check();
    await round.allSettled();
    expect(receivers.map(({ received }) => received.map(({ sessionId }) => sessionId))).toEqual([[ids[0]], [ids[1]]]);
  });

  it('do not exist where hbf-core lists a session of another tenant: it is not completed, and its transcript is sent nowhere', async () => {
    const receiver = await round.addWebhook('t1');
    const own = round.addSession('t1', 20);
    const strange = round.addSession('t1', 20, { fields: { tenantId: 'somebody-else' } });
    await roundTrip(own);
    expect(round.core.session(strange).status).toBe('ACTIVE');
    expect(receiver.received.map(({ sessionId }) => sessionId)).toEqual([own]);
  });
});
