import type { Delivery } from '../../../src/completions/delivery.js';
import { Redelivery } from '../../../src/completions/redelivery.js';
import { Scrape } from '../fixtures/metrics.js';
import { captureLogs } from '../fixtures/captured-logs.js';
import { deliveryOf, deliveryWhen } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(60_000); // a busy machine must not fail it

const MONGO_ID = '66f1c0de9b1d8a0012345678';

describe('the surveys of a session', () => {
  let round: Round;
  let sessionId: string;

  const start = async (env: Record<string, string> = {}) => {
    round = await Round.start('surveys', env);
    round.addTenant('t1');
    sessionId = round.addSession('t1', 20);
  };

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** hbf-event-publisher treats the trigger of that survey so. */
  const spoil = (id: string, fault: { kind: 'status'; status: number } | { kind: 'delay'; ms: number }) =>
    round.platform.fault({
      service: 'hbf-event-publisher',
      ...fault,
      ...(fault.kind === 'delay' && { stage: 'after' as const }),
      when: ({ body }) => (body as { id: string }).id === id,
    });
  const addSurveys = (...ids: string[]) => ids.forEach((id) => round.core.addSurvey({ sessionId, id }));
  const timesOf = (...ids: string[]) => ids.map((id) => round.platform.publisher.triggersOf(id).length);
  const settled = async () => deliveryOf((await round.allSettled(20_000)).get(sessionId), 'surveys:t1');

  it('are each triggered, whatever becomes of the others; a redelivery takes the dead ones alone', async () => {
    await start();
    addSurveys('s1', 's2', 's3', 's4', 's5');
    const heal = spoil('s1', { kind: 'status', status: 400 });
    await round.check();
    const surveys = await settled();
    const part = (surveyId: string) => ({ surveyId, state: 'delivered', attempts: 1 });
    expect(timesOf('s2', 's3', 's4', 's5')).toEqual([1, 1, 1, 1]);
    expect(surveys).toMatchObject({ state: 'dead', attempts: 1, lastStatus: 400 });
    expect(surveys.parts).toEqual([
      { surveyId: 's1', state: 'dead', attempts: 1, reason: 'http_400: trying again cannot help' },
      ...['s2', 's3', 's4', 's5'].map(part),
    ]);

    heal();
    await round.service.get(Redelivery).retry(sessionId, surveys, 'ada');
    const again = await deliveryWhen(round, [sessionId, 'surveys:t1'], ({ state }: Delivery) => state === 'delivered');
    expect(timesOf('s1', 's2', 's3', 's4', 's5')).toEqual([1, 1, 1, 1, 1]);
    expect(again.parts).toEqual(['s1', 's2', 's3', 's4', 's5'].map(part));
  });

  it('that time out are tried three times, and keep no other from being triggered', async () => {
    const schedule = '50ms,50ms,50ms,50ms,50ms';
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300', FLOW_TRIGGER_TIMEOUT_MS: '300', DELIVERY_RETRY_SCHEDULE: schedule }); // prettier-ignore
    addSurveys('s1', 's2');
    spoil('s1', { kind: 'delay', ms: 1_000 });
    await round.check();
    const surveys = await settled();
    expect(timesOf('s1', 's2')).toEqual([3, 1]);
    expect(surveys).toMatchObject({
      state: 'dead',
      parts: [
        { surveyId: 's1', state: 'dead', attempts: 3, reason: 'outcome unknown' },
        { surveyId: 's2', state: 'delivered', attempts: 1 },
      ],
    });
    const keys = round.platform.publisher.triggers.map(({ id, idempotencyKey }) => [id, idempotencyKey]);
    expect(keys.filter(([id]) => id === 's1')).toEqual(Array(3).fill(['s1', `${sessionId}:survey:s1`]));
    expect(keys).toContainEqual(['s2', `${sessionId}:survey:s2`]);
  });

  it('are known by the other kind of id, where all of them name one session of the tenant', async () => {
    await start();
    const fields = { session: MONGO_ID, chatSession: { id: MONGO_ID } };
    round.core.addSurvey({ sessionId, id: 's1', fields });
    round.core.addSurvey({ sessionId, id: 's2' });
    await round.check();
    expect(await settled()).toMatchObject({ state: 'delivered' });
    expect(timesOf('s1', 's2')).toEqual([1, 1]);
  });

  it('that cannot be told from those of another session are left out, logged and counted', async () => {
    await start();
    const logs = captureLogs(round);
    for (const [n, session] of [MONGO_ID, MONGO_ID.replace('66', '77')].entries())
      round.core.addSurvey({ sessionId, id: `s${n}`, fields: { session, chatSession: null } });
    round.core.addSurvey({ sessionId, id: 's9' });
    await round.check();
    expect(await settled()).toMatchObject({ state: 'delivered' });
    expect(timesOf('s0', 's1', 's9')).toEqual([0, 0, 1]);
    expect(logs.filter(({ event }) => event === 'surveys.left-out')).toMatchObject([
      { level: 'warn', facts: { sessionId, tenantId: 't1', unclear: 2 } },
    ]);
    const metrics = await Scrape.of(`${round.service.url}/metrics`);
    expect(metrics.value('surveys_left_out_total', { reason: 'unclear' })).toBe(2);
  });
});
