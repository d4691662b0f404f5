import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { activeIds, checked, checkNow, problemsNow, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const PAGE = 50;
const LATER = { timeoutMs: 30_000, intervalMs: 100 };

jest.setTimeout(60_000);

describe('answers of hbf-core to a completion that mislead', () => {
  let round: Round;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    round = await Round.start('misleading-completions', { SESSION_PAGE_SIZE: String(PAGE) });
    round.addTenant('t1');
    receiver = await round.addWebhook('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const addSessions = (count: number) => Array.from({ length: count }, () => round.addSession('t1', 20)).sort();
  const patches = () => round.core.server.count(COMPLETE);
  const problemsOf = async (sessionId: string) =>
    ((await problemsNow(round.service)) ?? []).filter((problem) => problem.sessionId === sessionId);

  /** Webhook and flow have heard of each of the sessions once, and of nothing else. */
  async function deliveredOnce(sessionIds: readonly string[]): Promise<void> {
    await triggeredOnce(round.platform, sessionIds);
    const heard = () => receiver.received.map(({ sessionId }) => sessionId!);
    await waitFor(`${sessionIds.length} webhooks`, () => new Set(heard()).size >= sessionIds.length);
    expect(heard().sort()).toEqual([...sessionIds].sort());
  }

  /** What was left behind is taken over when the service starts again. */
  async function settled(): Promise<void> {
    await round.age(LEASE_PASSES_MS);
    await round.restart();
    const done = async () => (await checkNow(round.service)) && round.core.activeCount === 0;
    await waitFor('every session to be completed', done, LATER);
    await round.allSettled(30_000);
  }

  it.each([400, 404, 409, 422])(
    'a batch that is applied and answered %i: every session is delivered once',
    async (status) => {
      const ids = addSessions(20);
      const heal = round.core.badDay.completeAnswers({ status, applied: true });
      await checkNow(round.service);
      expect(activeIds(round.platform)).toEqual([]);
      heal();
      await settled();
      await deliveredOnce(ids);
    },
  );

  it('a batch that is applied before the connection breaks, and refused when it is repeated: the same', async () => {
    const ids = addSessions(20);
    round.core.badDay.completeThenBreakAndRefuseAgain(409);
    await checkNow(round.service);
    expect(activeIds(round.platform)).toEqual([]);
    round.core.server.clearFaults();
    await settled();
    await deliveredOnce(ids);
  });

  it('404 for every batch of a check: at most twenty requests a page, no quarantine, and all are delivered after', async () => {
    const ids = addSessions(3 * PAGE);
    const heal = round.core.badDay.completeAnswers({ status: 404, applied: false });
    await checkNow(round.service);
    expect(patches()).toBeGreaterThan(0);
    expect(patches()).toBeLessThanOrEqual(20 * 3);
    expect(activeIds(round.platform)).toEqual(ids);
    expect(await problemsNow(round.service)).toEqual([]);
    heal();
    const done = async () => (await checkNow(round.service)) && round.core.activeCount === 0;
    await waitFor('every session to be completed', done, LATER);
    await deliveredOnce(ids);
    expect(await problemsNow(round.service)).toEqual([]);
  });

  it('one id that is refused: the others of its page go on at once, it is named after three checks', async () => {
    const good = addSessions(19);
    const bad = round.addSession('t1', 20);
    good.push(...addSessions(20));
    const heal = round.core.poison(bad);
    expect(await checked(round)).toMatchObject({ completed: 39 });
    await deliveredOnce(good);
    for (let check = 0; check < 3; check++) {
      good.push(round.addSession('t1', 20)); // others succeed
      await checked(round);
    }
    expect(await problemsOf(bad)).toEqual([expect.objectContaining({ tenantId: 't1', sessionId: bad })]);
    round.core.server.resetCounters();
    await checked(round);
    expect(patches()).toBe(0); // in quarantine: it is tried again hourly
    heal();
    await round.restart(); // what is in quarantine stays there
    await checked(round);
    expect(activeIds(round.platform)).toEqual([bad]);
    expect(await problemsOf(bad)).toHaveLength(1);
    await round.age(61 * 60_000);
    await checked(round);
    await deliveredOnce([...good, bad]);
    expect(await problemsOf(bad)).toEqual([]);
  });

  it('500 for every batch with one of the sessions: the others are completed at once', async () => {
    const good = addSessions(20);
    const bad = round.addSession('t1', 20);
    good.push(...addSessions(20));
    const heal = round.core.badDay.failToComplete(bad);
    expect(await checked(round)).toMatchObject({ completed: 40 });
    expect(activeIds(round.platform)).toEqual([bad]);
    heal();
    await settled();
    await deliveredOnce([...good, bad]);
  });

  it('204 for what is not applied: delivered once, told three times again, then named', async () => {
    const stubborn = round.addSession('t1', 20);
    const ids = [stubborn, ...addSessions(3)];
    round.core.makeStubborn(stubborn);
    await checked(round);
    await deliveredOnce(ids);
    for (let check = 0; check < 4; check++) await checked(round);
    const told = round.core.completed.get(stubborn)!.count;
    expect(told).toBeLessThanOrEqual(1 + 3);
    const problems = await problemsOf(stubborn);
    expect(problems).toEqual([expect.objectContaining({ tenantId: 't1', reason: expect.any(String) })]);
    for (let check = 0; check < 2; check++) await checked(round);
    expect(round.core.completed.get(stubborn)!.count).toBe(told);
    expect(await problemsOf(stubborn)).toEqual(problems);
    await deliveredOnce(ids);
  });
});
