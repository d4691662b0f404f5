import { endedSession } from '../../test/support/ended-session.js';
import { stubOf } from '../../test/support/stub.js';
import type { Delivery } from '../completions/delivery.js';
import { type OperatorAlert, OperatorAlerts } from '../notifications/operator-alerts.js';
import { DeadDeliveryAlerts } from './dead-delivery-alerts.js';

const NOW = new Date(Date.UTC(2026, 0, 1));

describe('DeadDeliveryAlerts', () => {
  let raised: OperatorAlert[];
  let alerts: DeadDeliveryAlerts;

  beforeEach(() => {
    jest.useFakeTimers();
    raised = [];
    const raise = (alert: OperatorAlert) => Promise.resolve(void raised.push(alert));
    alerts = new DeadDeliveryAlerts(stubOf(OperatorAlerts, { raise }));
  });
  afterEach(() => jest.useRealTimers());

  const dead = (destination: string, reason: string): Delivery => ({
    destination,
    state: 'dead',
    claims: 0,
    attempts: 1,
    reason,
    log: [],
  });
  const session = (id: string, tenantId: string) =>
    endedSession(id, NOW, { tenantId, organizationId: `org-${tenantId}` });

  it('tells of those that die together in one alert for each channel, with the latest reason', async () => {
    alerts.note(session('s1', 't1'), dead('flow:t1', 'failed 10 times'));
    alerts.note(session('s2', 't:2'), dead('flow:t:2', 'outcome unknown'));
    alerts.note(session('s3', 't1'), dead('analysis:t1', 'failed 10 times'));
    expect(raised).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(raised).toMatchObject([
      {
        kind: 'deliveries-dead',
        key: 'flow',
        count: 2,
        details: { 'Latest reason': 'outcome unknown', 'Latest tenant': 't:2', 'Its organization': 'org-t:2' },
      },
      { kind: 'deliveries-dead', key: 'analysis', count: 1 },
    ]);
    expect(JSON.stringify(raised)).not.toMatch(/"s\d"/);
  });

  it('tells nothing of webhooks', async () => {
    alerts.note(session('s1', 't1'), dead('webhook:1', 'failed 10 times'));
    await alerts.onModuleDestroy();
    expect(raised).toEqual([]);
  });

  it('tells what it knows when the process stops', async () => {
    alerts.note(session('s1', 't1'), dead('surveys:t1', 'outcome unknown'));
    await alerts.onModuleDestroy();
    expect(raised).toMatchObject([{ key: 'surveys', count: 1 }]);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(raised).toHaveLength(1);
  });
});
