import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { activeIds, canariesOf, checked, checkNow, problemsNow, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const TENANTS = ['t1', 't2'];
const PER_TENANT = 5;

describe('sessions of another organization', () => {
  let round: Round;
  let receivers: Map<string, WebhookReceiver>;
  let own: Map<string, string[]>;

  beforeEach(async () => {
    round = await Round.start('foreign-sessions');
    receivers = new Map();
    own = new Map();
    for (const tenant of TENANTS) {
      round.addTenant(tenant);
      receivers.set(tenant, await round.addWebhook(tenant));
      own.set(tenant, Array.from({ length: PER_TENANT }, () => round.addSession(tenant, 20)).sort());
    }
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const heard = (tenant: string) => receivers.get(tenant)!.received.map(({ sessionId }) => sessionId!).sort(); // prettier-ignore
  const heardOf = (tenant: string) => new Set(heard(tenant));
  const foreign = () => TENANTS.flatMap((tenant) => heard(tenant).filter((id) => !own.get(tenant)!.includes(id)));
  const all = () => TENANTS.flatMap((tenant) => own.get(tenant)!).sort();

  it('go nowhere when hbf-core ignores the tenant: the check stops, and says so', async () => {
    const logs = captureLogs(round);
    const heal = round.core.badDay.ignoreTenantFilter();
    const { status } = await checkNow(round.service);
    await round.allSettled();
    expect(foreign()).toEqual([]);
    expect(status).toBe(503);
    expect(activeIds(round.platform)).toEqual(all());
    expect(round.platform.publisher.triggers).toEqual([]);
    expect(logs.filter(({ level }) => level === 'error')).not.toEqual([]);
    expect(canariesOf(round.platform)).toHaveLength(1);
    heal();
    expect(await checked(round)).toMatchObject({ completed: 2 * PER_TENANT });
    await waitFor('the webhooks', () => TENANTS.every((tenant) => heardOf(tenant).size === PER_TENANT));
    expect(foreign()).toEqual([]);
  });

  it('go nowhere when hbf-core ignores the tenant of all lists but the canary', async () => {
    round.core.switches.tellsTenantId = true;
    round.core.badDay.listAlsoFor('t2', own.get('t1')![0]!);
    own.get('t1')!.slice(1).forEach((id) => round.core.badDay.listAlsoFor('t2', id)); // prettier-ignore
    await checkNow(round.service);
    await waitFor('the webhooks of t2', () => heardOf('t2').size >= PER_TENANT);
    expect(foreign()).toEqual([]);
  });

  it('a canary that is answered with 400 is as good as one that is answered with nothing', async () => {
    const isKnown = (tenantId: string | null) => tenantId === null || round.core.hasTenant(tenantId);
    round.core.server.fault({
      kind: 'status',
      status: 400,
      route: 'GET /chat-sessions',
      when: ({ query }) => !isKnown(query.get('tenantId')),
    });
    expect(await checked(round)).toMatchObject({ completed: 2 * PER_TENANT });
    expect(canariesOf(round.platform)).toHaveLength(1);
    await triggeredOnce(round.platform, all());
  });

  it('an id that two tenants list is completed for neither, and is named; the others wait for the next check', async () => {
    const shared = own.get('t1')![0]!;
    round.core.badDay.listAlsoFor('t2', shared);
    await checked(round); // whose the others are is uncertain as well, and both tenants wait
    expect(round.core.completed.has(shared)).toBe(false);
    await checked(round); // the id is in quarantine by now
    expect(activeIds(round.platform)).toEqual([shared]);
    await triggeredOnce(round.platform, all().filter((id) => id !== shared)); // prettier-ignore
    expect(round.core.completed.has(shared)).toBe(false);
    const problems = (await problemsNow(round.service)) ?? [];
    expect(problems.map(({ sessionId }) => sessionId)).toContain(shared);
    await waitFor('the webhooks', () => heardOf('t2').size === PER_TENANT);
    expect(foreign()).toEqual([]);
    expect(heard('t1')).not.toContain(shared);
  });
});
