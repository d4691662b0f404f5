import { peakRssMb } from '../fixtures/memory.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

const SESSIONS = 1_000;
/** Generous: the process takes some 150 MB when it has nothing to do. */
const RSS_LIMIT_MB = 400;

let round: ProcessRound;

afterEach(async () => {
  await round.stop();
  expect(round.platform.violations).toEqual([]);
});

it('a thousand sessions that end together are sent once to each of two webhooks, in constant memory', async () => {
  round = await ProcessRound.start('process-round', { LOG_LEVEL: 'warn' });
  round.addTenant('t1');
  const integration = { organizationId: 'org-t1', tenants: ['t1'] };
  const first = await round.addWebhook({ id: 1, ...integration }, false);
  const second = await round.addWebhook({ id: 2, ...integration }, false);
  round.platform.publisher.keepBodies = false;
  const sessionIds = round.addSessions('t1', SESSIONS);
  const service = await round.spawn();
  const completions = await round.allSettled(SESSIONS, 60_000);

  expect(sessionsHeard(first)).toEqual(sessionIds);
  expect(sessionsHeard(second)).toEqual(sessionIds);
  const once = Array(SESSIONS).fill(1);
  expect(round.timesTold(sessionIds)).toEqual({ completed: once, triggered: once });
  for (const { deliveries } of completions.values()) {
    expect(deliveries.map(({ state, attempts }) => [state, attempts])).toEqual(Array(4).fill(['delivered', 1]));
  }
  const peak = peakRssMb(service.pid);
  expect(peak).toBeLessThan(RSS_LIMIT_MB);
});
