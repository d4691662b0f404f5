import { intendedIn } from '../../world/record.js';
import { Random } from '../../support/random.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { waitFor } from '../../support/wait-for.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { LEASE_PASSES_MS } from '../../support/time-machine.js';
import { ProcessRound, sessionsHeard } from '../fixtures/process.js';

jest.setTimeout(120_000);

const COMPLETE = 'PATCH /chat-sessions/batch/complete';
const SESSIONS = 30;

/** The second page of ten, so that the kill finds sessions that are delivered, under way and not yet seen. */
const PAGE = { SESSION_PAGE_SIZE: '10', SESSION_SERVICE_REQUEST_TIMEOUT: '2000', WEBHOOK_TIMEOUT_MS: '3000', FLOW_TRIGGER_TIMEOUT_MS: '3000' }; // prettier-ignore

describe('a service that is killed', () => {
  let round: ProcessRound;
  let receiver: WebhookReceiver;
  let sessionIds: string[];
  let service: ServiceProcess;

  beforeEach(async () => {
    round = await ProcessRound.start('crash-recovery', PAGE);
    round.addTenant('t1');
    receiver = await round.addWebhook({ id: 1, organizationId: 'org-t1', tenants: ['t1'] });
    sessionIds = round.addSessions('t1', SESSIONS);
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** Every delivery is delivered, and what was heard twice had been heard before the kill, under the same id. */
  async function expectAllDelivered(heardBefore: readonly string[]): Promise<void> {
    const completions = await round.allSettled(SESSIONS);
    for (const { deliveries } of completions.values()) {
      expect(deliveries.map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered']);
    }
    const heard = sessionsHeard(receiver);
    expect([...new Set(heard)]).toEqual(sessionIds);
    const twice = heard.filter((id, index) => heard.indexOf(id) !== index);
    expect(twice.filter((id) => !heardBefore.includes(id))).toEqual([]);
    for (const { webhookId, sessionId } of receiver.received) expect(webhookId).toBe(`${sessionId}:1`);
    expect(Math.min(...round.timesTold(sessionIds).triggered)).toBeGreaterThanOrEqual(1);
  }

  /** What the receiver was told before the kill; some of it may still have been on its way when the process ended. */
  async function heardBeforeTheKill(): Promise<string[]> {
    await service.exited;
    await waitFor('what was sent to be heard', async () => (await receiver.connections()) === 0);
    return sessionsHeard(receiver);
  }

  async function startAgain(): Promise<void> {
    await round.age(LEASE_PASSES_MS);
    service = await round.spawn();
  }

  it.each([
    { moment: 'before hbf-core completed the sessions', stage: 'before' as const },
    { moment: 'after hbf-core completed them', stage: 'after' as const },
  ])('$moment goes on from its intent, and repeats nothing', async ({ stage }) => {
    let pages = 0;
    const isSecond = () => pages === 2;
    round.platform.core.server.onBefore(COMPLETE, async () => void (++pages === 2 && (await service.kill())));
    round.platform.fault({ service: 'hbf-core', route: COMPLETE, kind: 'reset', stage, times: 1, when: isSecond });
    service = await round.spawn();
    expect(await service.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect((await intendedIn(round.db)).length).toBeGreaterThanOrEqual(10);
    const before = await heardBeforeTheKill();

    await startAgain();
    await expectAllDelivered(before);
    expect(round.timesTold(sessionIds).completed).toEqual(Array(SESSIONS).fill(1));
    expect(Math.min(...round.timesTold(sessionIds).triggered)).toBe(1);
  });

  it('during the first attempts repeats only the attempts that were under way', async () => {
    receiver.behave((_reception, n) => (n === 12 ? (void service.kill(), { kind: 'hang' }) : { kind: 'ok' }));
    service = await round.spawn();
    const before = await heardBeforeTheKill();
    expect(before.length).toBeLessThan(SESSIONS);

    receiver.behave({ kind: 'ok' });
    await startAgain();
    await expectAllDelivered(before);
    expect(round.timesTold(sessionIds).completed).toEqual(Array(SESSIONS).fill(1));
  });

  it('between an attempt and the write of its outcome repeats that attempt under the same webhook-id', async () => {
    receiver.onReception(() => receiver.received.length === 1 && void service.kill());
    service = await round.spawn();
    const before = await heardBeforeTheKill();
    const [first] = receiver.received;
    receiver.onReception(() => undefined);

    await startAgain();
    await expectAllDelivered(before);
    expect(receiver.of(first!.sessionId!).map(({ webhookId }) => webhookId)).toEqual(Array(2).fill(first!.webhookId));
  });

  it('again and again at random moments loses no delivery', async () => {
    const random = new Random(5);
    const underWay: string[] = [];
    for (let life = 0; life < 3; life++) {
      const last = receiver.received.length + random.integer(1, 8);
      receiver.onReception(() => receiver.received.length >= last && void service.kill());
      await startAgain();
      await waitFor('the kill', () => !service.running, { timeoutMs: 30_000 });
      underWay.push(...(await heardBeforeTheKill()));
    }
    receiver.onReception(() => undefined);
    await startAgain();
    await expectAllDelivered(underWay);
  });
});
