import { SessionCheckScheduler } from '../../../src/sessions/session-check.scheduler.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import type { Fault } from '../../world/platform/fault-plan.js';
import { Round } from '../fixtures/round.js';
import { captureLogs, type LogLine } from '../fixtures/captured-logs.js';

const HUGE = 70 * 1024 * 1024;

jest.setTimeout(30_000); // a busy machine must not fail it

describe('a session check over bad input', () => {
  let round: Round;
  let logs: LogLine[];

  beforeEach(async () => {
    round = await Round.start('session-check-bad-input', {
      SESSION_PAGE_SIZE: '8',
      SESSION_SERVICE_REQUEST_TIMEOUT: '20000',
    });
    logs = captureLogs(round);
    round.addTenant('t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const quarantine = () =>
    logs.filter(({ event }) => event === 'session.quarantined' || event === 'tenant.problem').map(({ facts }) => facts);
  const sessions = (count: number) => Array.from({ length: count }, () => round.addSession('t1', 20));

  describe('an id that hbf-core refuses to complete', () => {
    it('is quarantined alone and logged once, and is completed when it is tried again', async () => {
      const receiver = await round.addWebhook('t1');
      const good = sessions(10);
      const poison = round.addSession('t1', 20);
      good.push(...sessions(10));
      const heal = round.core.poison(poison);

      expect(await round.check()).toMatchObject({ completed: 20, refused: 1 });
      expect(await round.check()).toMatchObject({ completed: 0, refused: 0, found: 0 });
      const completions = await round.allSettled();
      expect([...completions.keys()].sort()).toEqual([...good].sort());
      for (const id of good) expect(round.core.completed.get(id)!.count).toBe(1);
      expect(receiver.received.map(({ sessionId }) => sessionId).sort()).toEqual([...good].sort());
      expect(round.core.session(poison).status).toBe('ACTIVE');
      expect(quarantine()).toEqual([expect.objectContaining({ sessionId: poison, tenantId: 't1' })]);

      heal();
      await round.restart();
      expect(await round.check()).toMatchObject({ completed: 0, refused: 0 }); // the quarantine survives it
      await round.age(HOUR_MS);
      expect(await round.check()).toMatchObject({ completed: 1, refused: 0 });
      expect((await round.allSettled()).has(poison)).toBe(true);
      expect(receiver.of(poison)).toHaveLength(1);
    });

    it('leaves an earlier completion as it is when the session is refused later', async () => {
      const [id] = sessions(1);
      await round.check();
      await round.allSettled();
      round.core.reactivate(id!);
      round.core.poison(id!);
      expect(await round.check()).toMatchObject({ refused: 1, completed: 0 });
      expect((await round.all()).get(id!)).toMatchObject({ completedAt: expect.any(Date) });
    });

    it('does not stop the check even where every id of a page is refused', async () => {
      sessions(8).forEach((id) => round.core.poison(id));
      const good = sessions(3);
      // before anything was completed in this check, hbf-core may refuse everything for a while: one is asked for
      expect(await round.check()).toMatchObject({ refused: 1, completed: 3 });
      const completed = () => round.completions.distinct('_id');
      await waitFor('the others', async () => (await completed()).length === good.length);
      expect((await completed()).sort()).toEqual(good.sort());
    });
  });

  const broken: [string, Record<string, unknown>, string][] = [
    ['no id', { id: null }, 'session.id'],
    ['a number for an id', { id: 7 }, 'session.id'],
    ['a lastInteraction that is no time', { lastInteraction: 'yesterday' }, 'session.lastInteraction'],
    ['no lastInteraction', { lastInteraction: null }, 'session.lastInteraction'],
    ['messages that are no list', { messages: 'none' }, 'session.messages'],
    ['a message that is null', { messages: [null] }, 'session.messages[0]'],
    ['live chats that are no list', { liveChats: {} }, 'session.liveChats'],
  ];

  it.each(broken)('quarantines a session with %s, and no other', async (_what, fields, field) => {
    const good = sessions(5);
    const bad = round.addSession('t1', 20, { fields });
    good.push(...sessions(5));
    expect(await round.check()).toMatchObject({ completed: 10, malformed: 1, tenantsFailed: 0 });
    expect(await round.check()).toMatchObject({ completed: 0, malformed: 1 });
    expect([...(await round.allSettled()).keys()].sort()).toEqual(good.sort());
    expect(round.core.session(bad).status).toBe('ACTIVE');
    const ofIt = quarantine();
    expect(ofIt).toHaveLength(1);
    expect(ofIt[0]!['reason']).toContain(field);
    expect(ofIt[0]!['sessionId']).toBe('id' in fields ? undefined : bad);
  });

  it('completes a malformed session once it can be read and its quarantine has ended', async () => {
    const bad = round.addSession('t1', 20, { fields: { messages: 'none' } });
    await round.check();
    round.core.session(bad).fields = {};
    await round.age(HOUR_MS);
    expect(await round.check()).toMatchObject({ completed: 1, malformed: 0 });
  });

  it('completes sessions with unknown values and missing optional fields', async () => {
    const receiver = await round.addWebhook('t1');
    const odd = [
      { status: 'active', sentiment: 'PUZZLED', brandNew: { deep: [1] } },
      { tenant: null, tenantId: null, messages: null, liveChats: null },
      { messages: [{ id: 'm', type: 'HOLOGRAM', category: 'NEW', liveChatEventType: 'X', date: null }] },
    ].map((fields) => round.addSession('t1', 20, { fields }));
    expect(await round.check()).toMatchObject({ completed: 3, malformed: 0 });
    await round.allSettled();
    expect(receiver.received.map(({ sessionId }) => sessionId).sort()).toEqual(odd.sort());
    expect(receiver.of(odd[0]!)[0]!.body).toMatchObject({ status: 'COMPLETED', sentiment: 'PUZZLED' });
  });

  it('sends a message of 5 MB like any other', async () => {
    const receiver = await round.addWebhook('t1');
    const message = 'x'.repeat(5 * 1024 * 1024);
    const id = round.addSession('t1', 20, { fields: { messages: [{ id: 'm', message, date: 1 }] } });
    expect(await round.check()).toMatchObject({ completed: 1 });
    await round.allSettled();
    expect(receiver.of(id)[0]!.raw.length).toBeGreaterThan(message.length);
  });

  it('quarantines a session that is too long to be read, and no other', async () => {
    const good = sessions(5);
    const bad = round.addSession('t1', 20);
    round.core.session(bad).messages[0]!.message = 'x'.repeat(HUGE);
    good.push(...sessions(5));
    await round.check(); // which does not wait for so slow a list
    await waitFor('the quarantine', () => quarantine().length > 0, { timeoutMs: 20_000 });
    await waitFor('the others', async () => (await round.completions.countDocuments()) === good.length);
    expect([...(await round.allSettled()).keys()].sort()).toEqual(good.sort());
    expect(quarantine()).toEqual([expect.objectContaining({ sessionId: bad, tenantId: 't1' })]);
  });

  describe('a tenant', () => {
    it('that cannot be read is left out alone, and logged once', async () => {
      round.addTenant('bad');
      const kept = round.addSession('bad', 20);
      const [good] = sessions(1);
      round.core.changeTenant('bad', { organizationId: null });
      expect(await round.check()).toMatchObject({ tenants: 1, completed: 1 });
      await round.check();
      expect([...(await round.allSettled()).keys()]).toEqual([good]);
      const rejected = logs.filter(({ event }) => event === 'tenant.problem');
      expect(rejected.map(({ facts }) => facts['tenantId'])).toEqual(['bad']);
      round.core.changeTenant('bad', { organizationId: 'org-bad' });
      expect(await round.check()).toMatchObject({ tenants: 2, completed: 1 });
      expect(round.core.session(kept).status).toBe('COMPLETED');
    });

    const failLists = (when: Fault['when']) =>
      round.platform.fault({ service: 'hbf-core', kind: 'status', status: 500, route: 'GET /chat-sessions', when });

    it('whose sessions hbf-core cannot list is left out alone, until a backoff of its own has passed', async () => {
      round.addTenant('bad');
      round.addTenant('t2');
      const kept = round.addSession('bad', 20);
      const good = [...sessions(1), round.addSession('t2', 20)];
      const heal = failLists(({ query }) => query.get('tenantId') === 'bad');
      expect(await round.check()).toMatchObject({ completed: 2, tenantsFailed: 1 });
      expect([...(await round.allSettled()).keys()].sort()).toEqual(good.sort());
      const failed = logs.filter(({ event }) => event === 'session-check.tenant-failed');
      expect(failed.map(({ facts }) => facts['tenantId'])).toEqual(['bad']);
      heal();
      const scheduler = round.service.get(SessionCheckScheduler);
      expect(await scheduler.runNow('schedule')).toMatchObject({ completed: 0, tenantsBackingOff: 1 });
      expect(await round.check()).toMatchObject({ completed: 1, tenantsBackingOff: 0 }); // on demand: every tenant
      expect(round.core.session(kept).status).toBe('COMPLETED');
    });

    it('whose sessions hbf-core cannot list with their messages has them read one by one', async () => {
      const [good] = sessions(1);
      failLists(({ query }) => query.get('includeMessages') === 'true');
      expect(await round.check()).toMatchObject({ completed: 1, tenantsFailed: 0 });
      expect([...(await round.allSettled()).keys()]).toEqual([good]);
    });
  });

  it.each([
    ['before 2000', '1999-12-31T23:59:59Z'],
    ['of a clock that counts from 1970', 0],
  ])('leaves a session alone whose last interaction lies %s, and completes the others', async (_, lastInteraction) => {
    const odd = round.addSession('t1', 20, { fields: { lastInteraction } });
    const good = sessions(3);
    expect(await round.check()).toMatchObject({ completed: 3, malformed: 1 });
    expect([...(await round.allSettled()).keys()].sort()).toEqual(good.sort());
    expect(round.core.session(odd).status).toBe('ACTIVE');
    const reason = 'lastInteraction lies before the year 2000';
    expect(quarantine()).toEqual([expect.objectContaining({ sessionId: odd, tenantId: 't1', reason })]);
  });
});
