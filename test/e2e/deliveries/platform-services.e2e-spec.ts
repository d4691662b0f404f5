import { Redelivery } from '../../../src/completions/redelivery.js';
import { MINUTE_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { SmtpSink } from '../../world/receivers/smtp-sink.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { addSessions, deliveryOf, deliveryWhen, destinationsOf } from '../fixtures/deliveries.js';
import { mailsTo } from '../fixtures/mails.js';
import { Scrape } from '../fixtures/metrics.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000); // a busy machine must not fail it

const OPERATORS = 'operators@example.org';
const PUBLISHER = { service: 'hbf-event-publisher', route: 'POST /connectors/flows:trigger' } as const;

describe('deliveries to the services of the platform', () => {
  let round: Round;

  const start = async (env: Record<string, string> = {}) => {
    round = await Round.start('platform-services', env);
    round.addTenant('t1', { summarizes: true });
  };

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  it('of one tenant that hang leave those of another tenant alone', async () => {
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300', FLOW_TRIGGER_TIMEOUT_MS: '300', DELIVERY_RETRY_SCHEDULE: '1h' }); // prettier-ignore
    round.addTenant('t2');
    round.platform.fault({ ...PUBLISHER, kind: 'hang', when: ({ query }) => query.get('tenantId') === 't1' });
    addSessions(round, 't1', 8);
    await round.check();
    const circuit = () => destinationsOf(round.db).findOne({ _id: 'flow:t1' });
    await waitFor('the circuit of the tenant to open', async () => (await circuit())?.openUntil);

    const others = addSessions(round, 't2', 10);
    await round.check();
    const triggered = () => others.every((id) => round.platform.publisher.triggersOf(id).length === 1);
    await waitFor("the other tenant's flows", triggered, { timeoutMs: 10_000 });
  });

  it('wait for a slow flow as long as FLOW_TRIGGER_TIMEOUT_MS says', async () => {
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '500', FLOW_TRIGGER_TIMEOUT_MS: '20000' });
    round.platform.fault({ ...PUBLISHER, kind: 'delay', ms: 700, stage: 'after' });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const flow = deliveryOf((await round.allSettled()).get(sessionId), 'flow:t1');

    expect(flow).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(round.platform.publisher.triggersOf(sessionId)).toHaveLength(1);
  });

  it('run a flow that never answers in time three times, under one key, and are then dead', async () => {
    const schedule = '50ms,50ms,50ms,50ms,50ms';
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300', FLOW_TRIGGER_TIMEOUT_MS: '300', DELIVERY_RETRY_SCHEDULE: schedule }); // prettier-ignore
    const heal = round.platform.fault({ ...PUBLISHER, kind: 'delay', ms: 1_000, stage: 'after' });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    const keys = () => round.platform.publisher.triggersOf(sessionId).map(({ idempotencyKey }) => idempotencyKey);
    const flow = deliveryOf((await round.allSettled(20_000)).get(sessionId), 'flow:t1');
    expect(flow).toMatchObject({ state: 'dead', attempts: 3, timeouts: 3, reason: 'outcome unknown' });
    expect(keys()).toEqual(Array(3).fill(`${sessionId}:flow`));

    heal();
    await round.service.get(Redelivery).retry(sessionId, flow, 'ada');
    const again = await deliveryWhen(round, [sessionId, 'flow:t1'], ({ state }) => state === 'delivered');
    expect(again.timeouts).toBeUndefined();
    expect(keys()).toEqual(Array(4).fill(`${sessionId}:flow`));
  });

  it('that are dead are the operators to know of: a warning, a metric of their own and a mail', async () => {
    const sink = await SmtpSink.start();
    await start({ ...sink.environment, OPERATOR_EMAIL_RECIPIENTS: OPERATORS });
    const logs = captureLogs(round);
    round.platform.fault({ ...PUBLISHER, kind: 'status', status: 400, body: { message: 'PLANTED-answer' } });
    round.platform.fault({ service: 'hbf-nlp', kind: 'status', status: 422 });
    const ids = addSessions(round, 't1', 3);
    await round.check();
    await round.allSettled();

    const dead = logs.filter(({ facts }) => facts?.['state'] === 'dead');
    expect(dead).toHaveLength(6);
    for (const { level, event, facts } of dead) {
      expect([level, event]).toEqual(['warn', 'delivery.attempted']);
      expect(facts['deadBecause']).toMatch(/^http_4(00|22): trying again cannot help$/);
    }
    const metrics = await Scrape.of(`${round.service.url}/metrics`);
    const count = (channel: string) => metrics.value('platform_deliveries_dead_total', { channel });
    expect(['flow', 'surveys', 'analysis'].map(count)).toEqual([3, 0, 3]);

    const mails = await mailsTo(sink, 2, OPERATORS);
    const [flows, analyses] = ['flows', 'analyses'].map((word) => mails.find(({ subject }) => subject.includes(word))!);
    expect(flows!.subject).toBe('[hbf] Deliveries to hbf-event-publisher (flows) were given up');
    expect(flows!.text).toContain('Latest reason: http_400: trying again cannot help');
    expect(flows!.text).toContain('Latest tenant: t1');
    expect(analyses!.text).toContain('Latest reason: http_422: trying again cannot help');
    for (const secret of [...ids, 'PLANTED-answer']) expect(JSON.stringify(mails)).not.toContain(secret);
    await sink.stop();
  });

  it('ask for an analysis under one key, and under another for each revision', async () => {
    await start();
    round.platform.fault({ service: 'hbf-nlp', kind: 'status', status: 503, stage: 'after', times: 1 });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await round.allSettled();
    round.core.touch(sessionId, new Date(Date.now() - 15 * MINUTE_MS));
    await round.check();
    await round.allSettled();
    const keys = round.platform.nlp.analysesOf(sessionId).map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toEqual([`${sessionId}:analysis`, `${sessionId}:analysis`, `${sessionId}:2:analysis`]);
  });
});
