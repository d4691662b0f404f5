import { PLANTED_SECRETS } from '../../world/planted-secrets.js';
import { Round } from '../fixtures/round.js';

describe('a round from session check to delivery', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('full-round');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('completes an ended session and tells every destination once', async () => {
    round.addTenant('t1', { summarizes: true, crm: true });
    const receiver = await round.addWebhook('t1', { headers: { 'x-token': 'customer-secret' } });
    const sessionId = round.addSession('t1', 20);
    round.core.addSurvey({ sessionId, id: 's1' });
    round.core.addSurvey({ sessionId, id: 's2' });

    const figures = await round.check();
    const completion = (await round.allSettled()).get(sessionId)!;

    expect(figures).toMatchObject({ tenants: 1, tenantsScanned: 1, found: 1, completed: 1, held: 0 });
    expect(round.core.session(sessionId).status).toBe('COMPLETED');
    expect(completion).toMatchObject({
      completedAt: expect.any(Date),
      rule: 'tenant-threshold',
      thresholdSeconds: 600,
    });
    expect(completion.deliveries.map(({ destination, state, attempts }) => ({ destination, state, attempts }))).toEqual(
      [
        { destination: 'flow:t1', state: 'delivered', attempts: 1 },
        { destination: 'surveys:t1', state: 'delivered', attempts: 1 },
        { destination: 'analysis:t1', state: 'delivered', attempts: 1 },
        { destination: 'webhook:1', state: 'delivered', attempts: 1 },
      ],
    );
    expect(round.platform.publisher.triggers.map(({ type }) => type).sort()).toEqual([
      'chat-session-completed',
      'survey-completed',
      'survey-completed',
    ]);
    expect(round.platform.nlp.analyses).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]!.headers['x-token']).toBe('customer-secret');
    expect(receiver.received[0]!.body).toMatchObject({ id: sessionId, status: 'COMPLETED', tenantId: 't1' });
  });

  it('sends no credential of a tenant to any destination', async () => {
    round.addTenant('t1', { summarizes: true, crm: true });
    const receiver = await round.addWebhook('t1');
    const sessionId = round.addSession('t1', 20);
    round.core.addSurvey({ sessionId });
    await round.check();
    await round.allSettled();
    const left = [receiver.received.map(({ raw }) => raw), JSON.stringify(round.platform.publisher.triggers)].join();
    expect(left).toContain(sessionId);
    for (const secret of PLANTED_SECRETS) expect(left).not.toContain(secret);
  });

  it('completes and sends nothing while no session has ended', async () => {
    round.addTenant('t1');
    const receiver = await round.addWebhook('t1');
    round.addSession('t1', 5);
    expect(await round.check()).toMatchObject({ tenants: 1, tenantsScanned: 1, found: 0, completed: 0 });
    expect(await round.completions.countDocuments()).toBe(0);
    expect(receiver.received).toEqual([]);
    expect(round.core.completed.size).toBe(0);
  });

  it('ends sessions by the threshold of their tenant: its own, the default where there is none, the default for 0', async () => {
    round.addTenant('short', { expireAfterSeconds: 60 });
    round.addTenant('none', { expireAfterSeconds: undefined });
    round.addTenant('zero', { expireAfterSeconds: 0 });
    const ended = [round.addSession('short', 2), round.addSession('none', 31), round.addSession('zero', 31)];
    const alive = [round.addSession('none', 29), round.addSession('zero', 29)];
    await round.check();
    const rules = [...(await round.allSettled()).values()].map(({ _id, rule }) => [_id, rule]);
    expect(new Map(rules as [string, string][])).toEqual(
      new Map([
        [ended[0], 'tenant-threshold'],
        [ended[1], 'default-threshold'],
        [ended[2], 'default-threshold'],
      ]),
    );
    for (const id of alive) expect(round.core.session(id).status).toBe('ACTIVE');
  });
});
