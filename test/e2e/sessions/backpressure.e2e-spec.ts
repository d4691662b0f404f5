import { PaceTimer } from '../../../src/sessions/completion-pace.js';
import { SessionCheckScheduler } from '../../../src/sessions/session-check.scheduler.js';
import { HOUR_MS, MINUTE_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { Round } from '../fixtures/round.js';

const COMPLETE = 'PATCH /chat-sessions/batch/complete';

jest.setTimeout(30_000);

let round: Round;

afterEach(async () => {
  expect(round.platform.violations).toEqual([]);
  await round.stop();
});

function addSessions(tenantId: string, idleMinutes: readonly number[]): string[] {
  return idleMinutes.map((idle) => round.addSession(tenantId, idle, { messages: [] }));
}

describe('a session check while the backlog is above the high water', () => {
  const start = async (env: Record<string, string> = {}) => {
    round = await Round.start('backpressure', { DELIVERY_BACKLOG_HIGH_WATER: '5', ...env });
    round.addTenant('t1');
  };

  /** As if another process had left them, each of another tenant: one of them alone would count a tenth at most. */
  async function leavePending(count: number): Promise<void> {
    const dueAt = new Date(Date.now() + HOUR_MS);
    const names = Array.from({ length: count }, (_, n) => `flow:left-${n}`);
    const completions = names.map((name, n) =>
      completionOf(`left-${n}`, { deliveries: [{ ...deliveryTo(name), untried: name, dueAt }] }),
    );
    await round.completions.insertMany(completions);
    const destinations = names.map((_id) => ({ _id, nextDueAt: dueAt, version: 1 }));
    await round.db.collection<{ _id: string }>('destinations').insertMany(destinations);
  }

  const settle = () =>
    round.completions.updateMany({ sessionId: /^left/ }, { $set: { open: false }, $unset: { 'deliveries.$[].untried': 1 } }); // prettier-ignore

  it('completes no session and asks hbf-core nothing, and goes on once the backlog is below it', async () => {
    await start();
    const [sessionId] = addSessions('t1', [20]);
    await leavePending(6);
    round.core.server.resetCounters();
    expect(await round.check()).toMatchObject({ paused: true, found: 0, completed: 0 });
    expect(round.service.get(SessionCheckScheduler).paused).toBe(true);
    expect(round.core.server.requests).toEqual([]);
    expect(round.core.session(sessionId!).status).toBe('ACTIVE');
    await settle();
    expect(await round.check()).toMatchObject({ paused: false, completed: 1 });
    expect(round.service.get(SessionCheckScheduler).paused).toBe(false);
  });

  it('goes on while the backlog is exactly at the high water', async () => {
    await start();
    addSessions('t1', [20]);
    await leavePending(5);
    expect(await round.check()).toMatchObject({ paused: false, completed: 1 });
  });

  it.each([
    ['as fast as it goes', '0'],
    ['at a limited pace', '600'],
  ])('stops at its next page when the backlog grows meanwhile (%s), and no session is lost', async (_, pace) => {
    await start({ SESSION_PAGE_SIZE: '2', SESSION_CHECK_MAX_COMPLETIONS_PER_MIN: pace });
    addSessions('t1', [20, 21, 22, 23, 24, 25, 26]);
    let pages = 0;
    const forget = round.core.server.onBefore(COMPLETE, () => (++pages === 2 ? leavePending(6) : undefined));
    expect(await round.check()).toMatchObject({ paused: true, completed: 4 });
    expect(round.core.activeCount).toBe(3);
    forget();
    await settle();
    expect(await round.check()).toMatchObject({ paused: false, completed: 3 });
    expect(round.core.activeCount).toBe(0);
    expect([...round.core.completed.values()].map(({ count }) => count)).toEqual(new Array(7).fill(1));
  });

  it('is not paused by a destination that fails, however much waits for it', async () => {
    await start();
    round.platform.fault({ service: 'hbf-event-publisher', kind: 'status', status: 503 });
    addSessions('t1', [20, 21, 22, 23, 24, 25]);
    expect(await round.check()).toMatchObject({ completed: 6 });
    await waitFor('the failures', async () => {
      const failed = { deliveries: { $elemMatch: { destination: /^flow/, state: 'pending' as const, attempts: { $gt: 0 } } } }; // prettier-ignore
      return (await round.completions.countDocuments(failed)) > 0;
    });
    const [late] = addSessions('t1', [30]);
    expect(await round.check()).toMatchObject({ paused: false, completed: 1 });
    expect(round.core.session(late!).status).toBe('COMPLETED');
  });

  it('says in a dry run that it is paused', async () => {
    await start();
    addSessions('t1', [20]);
    await leavePending(6);
    round.core.addUser({ token: 'moderator', isModerator: true });
    const url = `${round.service.url}/operations/dry-run`;
    const response = await fetch(url, { method: 'POST', headers: { authorization: 'Bearer moderator' } });
    expect(await response.json()).toMatchObject({ paused: true, complete: { count: 1 } });
  });
});

describe('a session check at a limited pace', () => {
  /** When which sessions were completed, by the clock that the service waits by. */
  let completed: { at: number; id: string }[];
  let now: number;

  async function start(perMinute: number, env: Record<string, string> = {}): Promise<void> {
    now = 0;
    const timer: PaceTimer = { now: () => now, wait: (ms) => Promise.resolve(void (now += ms)) };
    const limit = { SESSION_CHECK_MAX_COMPLETIONS_PER_MIN: String(perMinute) };
    round = await Round.start('backpressure', { ...limit, ...env }, () => [[PaceTimer, timer]]);
    completed = [];
    round.core.server.onAnswered(COMPLETE, ({ body }, { status }) => {
      if (status === 204) completed.push(...(body as { ids: string[] }).ids.map((id) => ({ at: now, id })));
    });
  }

  const mostWithinAMinute = () =>
    Math.max(...completed.map(({ at }) => completed.filter((one) => one.at >= at && one.at < at + MINUTE_MS).length));

  it('completes as many sessions a second as the pace allows, over all tenants', async () => {
    await start(60);
    for (const id of ['t1', 't2', 't3']) {
      round.addTenant(id);
      for (let n = 0; n < 15; n++) round.addSession(id, 20 + n, { messages: [] });
    }
    expect(await round.check()).toMatchObject({ found: 45, completed: 45, deferred: 0 });
    expect(now).toBeGreaterThanOrEqual(44_000);
    await round.allSettled();
  });

  it('completes the sessions of one second in one call to hbf-core', async () => {
    await start(600);
    round.addTenant('t1');
    for (let n = 0; n < 45; n++) round.addSession('t1', 20 + n, { messages: [] });
    await round.check();
    expect(round.core.server.count(COMPLETE)).toBe(5);
    expect(mostWithinAMinute()).toBe(45);
  });

  it('leaves a tenant whose sessions would take longer than five minutes to the next check, and counts it', async () => {
    await start(2);
    round.addTenant('t1');
    const ids = Array.from({ length: 14 }, (_, n) => round.addSession('t1', 100 - n, { messages: [] }));
    expect(await round.check()).toMatchObject({ found: 10, completed: 10, deferred: 1 });
    expect(await round.check()).toMatchObject({ found: 4, completed: 4, deferred: 0 });
    expect(completed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(mostWithinAMinute()).toBeLessThanOrEqual(3);
  });

  it('does not complete a session whose user writes before its turn comes', async () => {
    await start(60);
    round.addTenant('t1');
    const [first, second, third] = [60, 50, 40].map((idle) => round.addSession('t1', idle));
    round.core.server.onBefore('GET /chat-sessions/{id}', ({ params }) => {
      if (params['id'] === first) round.core.touch(second!);
    });
    expect(await round.check()).toMatchObject({ found: 2, completed: 2 });
    expect(completed.map(({ id }) => id)).toEqual([first, third]);
    expect(round.core.session(second!).status).toBe('ACTIVE');
  });

  it('holds, refuses and reports as without a limit, and goes on with the other sessions after each error', async () => {
    await start(60);
    for (const id of ['t1', 'bad']) round.addTenant(id);
    round.addSession('bad', 90);
    round.platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions', kind: 'status', status: 400, when: ({ query }) => query.get('tenantId') === 'bad' }); // prettier-ignore
    round.addSession('t1', 80, { fields: { liveChats: [{ liveChatEventType: 'LIVECHAT_STARTED' }] } });
    const refused = round.addSession('t1', 70);
    round.core.poison(refused);
    round.addSession('t1', 60, { fields: { lastInteraction: 'never' } });
    const fine = round.addSession('t1', 20);
    expect(await round.check()).toMatchObject({ held: 1, refused: 1, malformed: 1, tenantsFailed: 1, completed: 1 });
    expect(completed.map(({ id }) => id)).toEqual([fine]);
    await round.allSettled();
    expect(await round.completions.countDocuments()).toBe(1);
  });

  it('does not count a session that hbf-core keeps ACTIVE against the pace', async () => {
    await start(60);
    round.addTenant('t1');
    const stubborn = round.addSession('t1', 90);
    round.core.makeStubborn(stubborn);
    expect(await round.check()).toMatchObject({ completed: 1, repeated: 0 });
    await round.allSettled();
    for (let n = 0; n < 3; n++) expect(await round.check()).toMatchObject({ completed: 0, repeated: 1 });
    expect(await round.check()).toMatchObject({ completed: 0, repeated: 0 });
    expect(round.core.completed.get(stubborn)!.count).toBe(4);
  });

  it('delivers as without a limit', async () => {
    await start(60);
    round.addTenant('t1', { summarizes: true });
    const receiver = await round.addWebhook('t1');
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await round.allSettled();
    expect(receiver.received.map(({ body }) => (body as { id: string }).id)).toEqual([sessionId]);
    expect((receiver.received[0]!.body as { messages: unknown[] }).messages.length).toBeGreaterThan(0);
  });
});

describe('a stop while the pace delays a check', () => {
  it('does not wait for the check', async () => {
    round = await Round.start('backpressure', { SESSION_CHECK_MAX_COMPLETIONS_PER_MIN: '1' });
    round.addTenant('t1');
    addSessions('t1', [20, 30, 40]);
    const check = round.check();
    await waitFor('the first session', () => round.core.completed.size === 1);
    await round.service.stop();
    expect(await check).toMatchObject({ completed: 1 });
    expect(round.core.completed.size).toBe(1);
  });
});
