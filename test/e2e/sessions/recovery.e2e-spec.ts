import { SessionCheckScheduler } from '../../../src/sessions/session-check.scheduler.js';
import { intendedIn } from '../../world/record.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { HOUR_MS, LEASE_PASSES_MS } from '../../support/time-machine.js';
import { deliveryWhen } from '../fixtures/deliveries.js';
import { TenantDirectory } from '../../../src/platform/core/tenant-directory.js';
import { Round } from '../fixtures/round.js';
import { captureLogs } from '../fixtures/captured-logs.js';

const PATCH = 'PATCH /chat-sessions/batch/complete';
const READ = 'GET /chat-sessions/{id}';
/** One call to hbf-core, its repetitions included. */
const TRIES = 3;
const COUNT = 5;

jest.setTimeout(30_000); // a busy machine must not fail it

describe('the recovery of an intent that was not carried out', () => {
  let round: Round;
  let receiver: WebhookReceiver;
  let ids: string[];

  beforeEach(async () => {
    round = await Round.start('recovery');
    round.addTenant('t1', { summarizes: true });
    receiver = await round.addWebhook('t1');
    ids = Array.from({ length: COUNT }, () => round.addSession('t1', 20)).sort();
    round.core.addSurvey({ sessionId: ids[0]!, id: 'survey' });
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** The check writes its intent, and then its call to hbf-core fails. */
  async function stopHalfWay(stage: 'before' | 'after' = 'before'): Promise<void> {
    round.core.server.fault({ kind: 'reset', route: PATCH, stage, times: TRIES });
    expect(await round.check()).toMatchObject({ completed: 0, tenantsFailed: 1 });
    const intended = await intendedIn(round.db);
    expect(intended.map(({ _id }) => _id).sort()).toEqual(ids);
    expect(receiver.received).toEqual([]);
    expect(round.platform.publisher.triggers).toEqual([]);
  }

  async function recover() {
    await round.age(LEASE_PASSES_MS);
    const figures = await round.check();
    return { figures, completions: await round.allSettled() };
  }

  function expectAllDeliveredOnce(): void {
    expect(receiver.received.map(({ sessionId }) => sessionId).sort()).toEqual(ids);
    const triggered = round.platform.publisher.triggers.map(({ id }) => id).sort();
    expect(triggered).toEqual([...ids, 'survey'].sort());
    expect(round.platform.nlp.analyses).toHaveLength(COUNT);
    for (const id of ids) expect(round.core.session(id).status).toBe('COMPLETED');
  }

  async function allButOneSettled(settled: string[]): Promise<void> {
    const done = () => round.completions.find({ open: false }).toArray();
    await waitFor('the others to be settled', async () => (await done()).length === settled.length);
    expect((await done()).map(({ _id }) => _id).sort()).toEqual([...settled].sort());
  }

  it.each(['before', 'after'] as const)(
    'completes the sessions and makes every delivery when the connection broke %s hbf-core acted',
    async (stage) => {
      await stopHalfWay(stage);
      const { figures, completions } = await recover();
      expect(figures).toMatchObject({ recovered: COUNT, completed: 0, tenantsFailed: 0 });
      expect([...completions.keys()].sort()).toEqual(ids);
      for (const completion of completions.values()) {
        expect(completion).toMatchObject({ open: false, completedAt: expect.any(Date) });
        expect(completion.deliveries.map(({ state }) => state)).toEqual(completion.deliveries.map(() => 'delivered'));
      }
      expectAllDeliveredOnce();
      for (const id of ids) expect(round.core.completed.get(id)!.count).toBe(stage === 'before' ? 1 : TRIES);
    },
  );

  it.each([401, 403, 500])('does the rest where hbf-core answers %i for one of the sessions', async (status) => {
    await stopHalfWay('after');
    const heal = round.core.badDay.failReads(status, [ids[0]!]);
    await round.age(LEASE_PASSES_MS);
    await round.check();
    await allButOneSettled(ids.slice(1));
    heal();
    await recover();
    expectAllDeliveredOnce();
  });

  it('does not keep the check waiting for sessions whose reads hang', async () => {
    await stopHalfWay('after');
    round.addTenant('t2');
    const other = round.addSession('t2', 20);
    round.core.server.fault({ kind: 'hang', route: READ });
    await round.age(LEASE_PASSES_MS);
    const checking = round.check();
    const completed = () => round.core.session(other).status === 'COMPLETED';
    await waitFor('the session of the other tenant to be completed', completed);
    expect(round.core.server.count(READ)).toBe(COUNT); // none of them was tried again meanwhile
    round.core.server.clearFaults();
    await checking;
    await recover();
    expect(round.core.completed.get(other)!.count).toBe(1);
  });

  it('leaves an intent alone until the lease of its process has passed', async () => {
    await stopHalfWay();
    expect(await round.check()).toMatchObject({ recovered: 0, completed: 0, tenantsFailed: 0 });
    expect(round.core.server.count(PATCH)).toBe(TRIES);
    expect((await recover()).figures).toMatchObject({ recovered: COUNT });
    expectAllDeliveredOnce();
  });

  it('removes the intent of a session whose user wrote again', async () => {
    await stopHalfWay();
    round.core.touch(ids[0]!);
    const { completions } = await recover();
    expect([...completions.keys()].sort()).toEqual(ids.slice(1));
    expect(round.core.session(ids[0]!).status).toBe('ACTIVE');
    expect(receiver.of(ids[0]!)).toEqual([]);
  });

  it('removes the intent of a session that hbf-core refuses to complete', async () => {
    await stopHalfWay();
    round.core.poison(ids[0]!);
    const { completions } = await recover();
    expect([...completions.keys()].sort()).toEqual(ids.slice(1));
    expect(receiver.received).toHaveLength(COUNT - 1);
  });

  it('asks for a session that hbf-core does not know for six hours, until its deliveries are dead', async () => {
    await stopHalfWay();
    round.core.removeSession(ids[0]!);
    await round.age(LEASE_PASSES_MS);
    await round.check();
    await allButOneSettled(ids.slice(1));
    expect(await intendedIn(round.db)).toMatchObject([{ sessionId: ids[0], missing: { times: 1 } }]);
    for (let hour = 0; hour < 7; hour++) {
      await round.age(HOUR_MS);
      await round.check();
    }
    const { deliveries, open } = (await round.allSettled()).get(ids[0]!)!;
    expect(open).toBe(false);
    for (const delivery of deliveries) expect(delivery).toMatchObject({ state: 'dead', attempts: 0 });
    expect(receiver.received).toHaveLength(COUNT - 1);
  });

  it('goes on with the other sessions, and with the check, where a session cannot be read', async () => {
    await stopHalfWay();
    round.core.session(ids[0]!).fields = { lastInteraction: 'rubbish' };
    const fresh = round.addSession('t1', 20);
    await round.age(LEASE_PASSES_MS);
    expect(await round.check()).toMatchObject({ completed: 1 });
    await allButOneSettled([...ids.slice(1), fresh]);
    round.core.session(ids[0]!).fields = {};
    await recover();
    expect(receiver.of(ids[0]!)).toHaveLength(1);
  });

  it('stops neither the check nor the other sessions when the look-up of one fails', async () => {
    await stopHalfWay();
    const logs = captureLogs(round);
    const route = 'GET /chat-sessions/{id}';
    const bad = ids[0]!;
    const heal = round.core.server.fault({
      kind: 'status',
      status: 500,
      route,
      when: ({ params }) => params['id'] === bad,
    });
    const fresh = round.addSession('t1', 20);
    await round.age(LEASE_PASSES_MS);
    expect(await round.check()).toMatchObject({ completed: 1 });
    expect(logs.map(({ event }) => event)).toContain('recovery.session-unreadable');
    await allButOneSettled([...ids.slice(1), fresh]);
    heal();
    await recover();
    expect(receiver.received.map(({ sessionId }) => sessionId).sort()).toEqual([...ids, fresh].sort());
  });

  describe('the webhooks of the intent', () => {
    const integrations = () => round.db.collection<{ _id: number; enabled: boolean }>('integrations');

    async function webhookAfterRecovery() {
      const { completions } = await recover();
      return completions.get(ids[0]!)!.deliveries.find(({ destination }) => destination === 'webhook:1');
    }

    it('are cancelled when the integration was removed', async () => {
      await stopHalfWay();
      await integrations().deleteOne({ _id: 1 });
      const reason = 'the integration was removed';
      expect(await webhookAfterRecovery()).toMatchObject({ state: 'cancelled', attempts: 0, reason });
      expect(receiver.received).toEqual([]);
    });

    it('are cancelled when the integration was disabled', async () => {
      await stopHalfWay();
      await integrations().updateOne({ _id: 1 }, { $set: { enabled: false } });
      const reason = 'the integration is disabled';
      expect(await webhookAfterRecovery()).toMatchObject({ state: 'cancelled', attempts: 0, reason });
      expect(receiver.received).toEqual([]);
    });

    it('go neither to the organization that the tenant has left nor to the one it has joined', async () => {
      await stopHalfWay();
      round.core.changeTenant('t1', { organizationId: 'org-new' });
      await round.service.get(TenantDirectory).refresh(); // attempts may go by a list of the last minute
      await round.age(LEASE_PASSES_MS);
      await round.check();
      const webhook = await deliveryWhen(round, [ids[0]!, 'webhook:1'], ({ state }) => state !== 'pending');
      const reason = 'the tenant belongs to another organization';
      expect(webhook).toMatchObject({ state: 'cancelled', attempts: 0, reason });
      expect(receiver.received).toEqual([]);
    });
  });

  it('looks surveys up again when the first look-up failed, and triggers each survey once', async () => {
    const route = 'GET /organizations/{orgId}/surveys';
    const heal = round.core.server.fault({ kind: 'status', status: 503, route });
    await round.check();
    const waiting = () => round.completions.countDocuments({ 'deliveries.lastError': /http_503/ });
    await waitFor('the look-ups to fail', async () => (await waiting()) === COUNT);
    expect(receiver.received).toHaveLength(COUNT);
    expect(round.platform.publisher.triggersOf('survey')).toEqual([]);
    heal();
    await round.age(HOUR_MS);
    const completions = await round.allSettled();
    const surveys = completions.get(ids[0]!)!.deliveries.find(({ destination }) => destination === 'surveys:t1');
    expect(surveys).toMatchObject({
      state: 'delivered',
      attempts: 1,
      parts: [{ surveyId: 'survey', state: 'delivered', attempts: 1 }],
    });
    expect(round.platform.publisher.triggersOf('survey')).toHaveLength(1);
  });

  it('runs one check when two are asked for at once', async () => {
    const scheduler = round.service.get(SessionCheckScheduler);
    const [one, two] = await Promise.all([scheduler.runNow(), scheduler.runNow()]);
    expect(two).toBe(one);
    expect(one).toMatchObject({ completed: COUNT });
    await round.allSettled();
    expect(round.core.server.count(PATCH)).toBe(1);
    expectAllDeliveredOnce();
  });
});
