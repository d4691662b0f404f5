import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

let round: ProcessRound;

afterEach(async () => {
  await round.stop();
  expect(round.platform.violations).toEqual([]);
});

it('two replicas on one database complete and send each session exactly once', async () => {
  round = await ProcessRound.start('replicas', { SESSION_PAGE_SIZE: '10' });
  const tenants = Array.from({ length: 10 }, (_, index) => `t${index}`);
  const receivers = [];
  const sessionIds: string[] = [];
  for (const [index, tenant] of tenants.entries()) {
    round.addTenant(tenant);
    receivers.push(await round.addWebhook({ id: index + 1, organizationId: `org-${tenant}`, tenants: [tenant] }));
    sessionIds.push(...round.addSessions(tenant, 30));
  }
  const replicas = await Promise.all(['one', 'two'].map((name) => round.spawn({ INSTANCE_NAME: name })));
  const completions = await round.allSettled(300);
  await Promise.all(replicas.map((replica) => replica.waitReady()));

  const once = Array(300).fill(1);
  expect(round.timesTold(sessionIds)).toEqual({ completed: once, triggered: once });
  expect(receivers.flatMap(sessionsHeard).sort()).toEqual([...sessionIds].sort());
  expect([...completions.keys()].sort()).toEqual([...sessionIds].sort());
  for (const { deliveries } of completions.values()) {
    expect(deliveries.map(({ state, attempts }) => [state, attempts])).toEqual(Array(3).fill(['delivered', 1]));
  }
  const completed = replicas.flatMap((replica) => replica.logged('session-check.finished').map((line) => line['completed'])); // prettier-ignore
  expect(completed.reduce((sum, count) => Number(sum) + Number(count), 0)).toBe(300);
  for (const replica of replicas) expect(await replica.stop()).toEqual({ code: 0, signal: null });
});
