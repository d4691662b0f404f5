import { LEASE_PASSES_MS, MINUTE_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { checkNow } from '../fixtures/on-demand.js';
import { ProcessRound } from '../fixtures/process.js';
import { Round } from '../fixtures/round.js';

const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const READ = 'GET /chat-sessions/{id}';
const COUNT = 20;
/** None comes by itself within a test. */
const SLOW_RETRIES = { DELIVERY_RETRY_SCHEDULE: '5m,5m,5m' };
const LATER = { timeoutMs: 20_000, intervalMs: 250 };

jest.setTimeout(90_000);

interface Settled {
  deliveries: readonly { state: string; destination: string }[];
}

/** `delivered` for each of them, or what became of those that were not. */
function notDelivered(completions: Iterable<Settled>): string[] {
  const all = [...completions].flatMap(({ deliveries }) => deliveries);
  return all.filter(({ state }) => state !== 'delivered').map(({ destination, state }) => `${destination} ${state}`);
}

describe('hbf-core answers 404 for every session while it is deployed', () => {
  let round: Round;
  let receiver: WebhookReceiver;
  let ids: string[];

  beforeEach(async () => {
    round = await Round.start('misleading-reads', SLOW_RETRIES);
    round.addTenant('t1', { summarizes: true });
    receiver = await round.addWebhook('t1');
    ids = Array.from({ length: COUNT }, () => round.addSession('t1', 20)).sort();
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  async function firstAttemptsFailed(): Promise<void> {
    const heard = () => new Set(receiver.received.map(({ sessionId }) => sessionId)).size;
    await waitFor('the first attempts', () => heard() === COUNT);
  }

  /** Lets minutes pass until nothing is pending: what is postponed is asked for again. */
  async function allDelivered(): Promise<void> {
    const settled = async () => {
      if ((await round.completions.countDocuments({ open: true })) === 0 && round.core.activeCount === 0) return true;
      await round.age(10 * MINUTE_MS);
      return false;
    };
    await waitFor('every delivery to be settled', settled, LATER);
    const completions = [...(await round.allSettled()).values()];
    expect(completions).toHaveLength(COUNT);
    expect(notDelivered(completions)).toEqual([]);
    expect([...new Set(receiver.accepted.map(({ sessionId }) => sessionId))].sort()).toEqual(ids);
  }

  it('no delivery is dead whose first attempt had failed', async () => {
    receiver.behave({ kind: 'status', status: 422 }); // opens no circuit
    await checkNow(round.service);
    await firstAttemptsFailed();
    const heal = round.core.badDay.answerNotFound();
    await round.restart(); // bodies that were in memory are gone
    await round.age(10 * MINUTE_MS);
    receiver.behave({ kind: 'ok' });
    await waitFor('every session to be read', () => round.core.server.count(READ, 404) >= COUNT, LATER);
    heal();
    await allDelivered();
  });

  it('a session that is postponed is not counted as an attempt, and does not hold the next check back', async () => {
    await round.stop();
    round = await Round.start('misleading-reads', { ...SLOW_RETRIES, DELIVERY_BACKLOG_HIGH_WATER: '10' });
    round.addTenant('t1');
    receiver = await round.addWebhook('t1');
    ids = Array.from({ length: COUNT }, () => round.addSession('t1', 20)).sort();
    receiver.behave({ kind: 'status', status: 422 }); // opens no circuit
    await checkNow(round.service);
    await firstAttemptsFailed();
    round.core.badDay.answerNotFound();
    await round.restart();
    await round.age(10 * MINUTE_MS);
    receiver.behave({ kind: 'ok' });
    await waitFor('every session to be read', () => round.core.server.count(READ, 404) >= COUNT, LATER);
    expect(notDelivered((await round.completions.find().toArray()))).toEqual(new Array(COUNT).fill('webhook:1 pending')); // prettier-ignore
    const late = round.addSession('t1', 20);
    const completed = async () => {
      await checkNow(round.service);
      return round.core.session(late).status === 'COMPLETED';
    };
    await waitFor('the late session to be completed', completed);
  });

  it('one session that answers 500 in recovery waits alone; the others of its page are delivered', async () => {
    const heal = round.core.server.fault({ kind: 'reset', route: COMPLETE, stage: 'after' });
    await checkNow(round.service);
    await round.age(LEASE_PASSES_MS);
    heal();
    const [bad, ...others] = ids;
    const healReads = round.core.badDay.failReads(500, [bad!]);
    await round.restart();
    const heard = () => [...new Set(receiver.accepted.map(({ sessionId }) => sessionId))].sort();
    const delivered = async () => {
      await checkNow(round.service);
      return heard().length >= COUNT - 1;
    };
    await waitFor('the webhooks of the others', delivered, LATER);
    expect(heard()).toEqual(others);
    healReads();
    await round.age(LEASE_PASSES_MS);
    await round.restart();
    await waitFor('the last one', async () => (await checkNow(round.service)) && heard().length === COUNT, LATER);
    await allDelivered();
  });
});

describe('a service that is killed in mid-round, while hbf-core answers 404 for every session', () => {
  let round: ProcessRound;

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('delivers all of them afterwards', async () => {
    round = await ProcessRound.start('misleading-reads-killed', { SESSION_SERVICE_REQUEST_TIMEOUT: '2000' });
    round.addTenant('t1');
    const receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
    const ids = round.addSessions('t1', COUNT);
    const { core } = round.platform;
    const heal = core.server.fault({ kind: 'hang', route: COMPLETE, stage: 'after' });
    const service = await round.spawn();
    await waitFor('hbf-core to be told', () => core.server.count(COMPLETE) > 0, LATER);
    await service.kill();
    heal();
    const healReads = core.badDay.answerNotFound();
    await round.age(LEASE_PASSES_MS);
    await round.spawn();
    await waitFor('every session to be read', () => core.server.count(READ, 404) >= COUNT, LATER);
    healReads();
    const heard = () => [...new Set(receiver.accepted.map(({ sessionId }) => sessionId))].sort();
    const delivered = async () => {
      if (heard().length === COUNT) return true;
      await round.age(2 * MINUTE_MS);
      const dead = await round.completions.countDocuments({ 'deliveries.state': 'dead' });
      return dead > 0; // nothing more will come of it
    };
    await waitFor('the webhooks', delivered, LATER);
    expect(notDelivered(await round.completions.find({ 'deliveries.state': 'dead' }).toArray())).toEqual([]);
    expect(heard()).toEqual(ids);
  });
});
