import { Admin } from '../fixtures/admin.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PipelineCheckService } from '../../../src/nlp-pipelines/pipeline-check.service.js';
import { MetricsServer } from '../../../src/operations/metrics-server.js';
import { Database } from '../../../src/persistence/database.js';
import { startService } from '../../world/service/service-in-process.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { destinationsOf } from '../fixtures/deliveries.js';
import { Scrape } from '../fixtures/metrics.js';
import { Round } from '../fixtures/round.js';

const DEPLOY = join(__dirname, '..', '..', '..', 'deploy');

describe('the metrics', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('metrics', { NLP_PIPELINE_POLL_INTERVAL_IN_SECS: '0.01' });
  });

  afterEach(() => round.stop());

  const scrape = (url = round.service.url) => Scrape.of(`${url}/metrics`);

  it('count the sessions, deliveries and calls of a round, by labels of few values', async () => {
    round.addTenant('t1', { summarizes: true });
    const receiver = await round.addWebhook('t1');
    receiver.behave((_, n) => (n === 1 ? { kind: 'status', status: 503 } : { kind: 'ok' }));
    const sessionId = round.addSession('t1', 20);
    round.addSession('t1', 20, { conversation: { messages: 8, liveChat: 'exchanged' } });
    await round.check();
    await round.allSettled();
    const metrics = await scrape();

    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(metrics.value('sessions_found_total')).toBe(1);
    expect(metrics.value('sessions_completed_total')).toBe(1);
    expect(metrics.value('sessions_held')).toBe(1);
    expect(metrics.value('tenants_deferred')).toBe(0);
    expect(metrics.value('session_checks_total', { outcome: 'finished' })).toBe(1);
    expect(metrics.value('session_check_duration_seconds_count')).toBe(1);
    expect(Date.now() / 1000 - metrics.value('session_check_last_success_timestamp_seconds')!).toBeLessThan(60);
    // it ended by its rule ten minutes ago, and a moment
    const lateAtMost = (le: string) => metrics.value('completion_lateness_seconds_bucket', { le });
    expect([lateAtMost('300'), lateAtMost('900'), lateAtMost('86400')]).toEqual([0, 1, 1]);

    for (const channel of ['flow', 'surveys', 'analysis', 'webhook']) {
      expect(metrics.value('deliveries_total', { channel, outcome: 'delivered' })).toBe(1);
      expect(metrics.value('delivery_latency_seconds_count', { channel })).toBe(1);
    }
    expect(metrics.value('delivery_attempts_total', { channel: 'webhook', result: 'failed' })).toBe(1);
    expect(metrics.value('delivery_attempts_total', { channel: 'webhook', result: 'delivered' })).toBe(1);
    expect(metrics.value('delivery_attempt_duration_seconds_count', { channel: 'webhook' })).toBe(2);
    expect(metrics.value('deliveries_total', { channel: 'webhook', outcome: 'dead' })).toBe(0);
    expect(metrics.value('deliveries_in_flight')).toBe(0);
    expect(metrics.value('delivery_outcomes_lost_total')).toBe(0);
    const memory = (of: string) => metrics.value('session_memory_bytes', { of });
    expect([memory('reserved'), memory('held'), memory('limit')]).toEqual([0, 0, 96 * 1024 * 1024]);
    expect(metrics.value('session_memory_waiting')).toBe(0);

    const call = { service: 'hbf-core', route: '/chat-sessions/batch/complete', status: '204' };
    expect(metrics.value('platform_calls_total', call)).toBe(1);
    expect(metrics.value('platform_calls_total', { service: 'hbf-nlp', status: '204' })).toBe(1);
    expect(metrics.value('process_resident_memory_bytes')).toBeGreaterThan(0);
    for (const unbounded of [sessionId, 't1', receiver.url, 'webhook:1']) {
      expect(metrics.labelValues).not.toContain(unbounded);
    }
  });

  it('count dead deliveries, those that died again apart, and failed checks', async () => {
    round.addTenant('t1');
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 500 });
    const sessionId = round.addSession('t1', 20);
    await round.check();
    await round.allSettled();
    await new Admin(round, 'org-t1').retry(1, sessionId);
    await round.allSettled();
    round.platform.fault({ service: 'hbf-core', route: 'GET /tenants', kind: 'status', status: 500 });
    await expect(round.check()).rejects.toThrow();
    const metrics = await scrape();
    expect(metrics.value('deliveries_total', { channel: 'webhook', outcome: 'dead' })).toBe(1);
    expect(metrics.value('deliveries_total', { channel: 'webhook', outcome: 'dead_again' })).toBe(1);
    expect(metrics.value('delivery_attempts_total', { channel: 'webhook', result: 'failed' })).toBe(8);
    expect(metrics.value('session_checks_total', { outcome: 'failed' })).toBe(1);
    expect(metrics.value('platform_calls_total', { route: '/tenants', status: '500' })).toBeGreaterThan(0);
  });

  it('count trainings by outcome', async () => {
    round.addTenant('t1', { autoTrain: true });
    round.core.pipelines.add({ id: 'p1', tenantId: 't1' });
    await round.service.get(PipelineCheckService).run();
    const metrics = await scrape();
    expect(metrics.value('trainings_total', { outcome: 'trained' })).toBe(1);
    expect(metrics.value('trainings_total', { outcome: 'failed' })).toBe(0);
    expect(metrics.value('training_duration_seconds_count')).toBe(1);
  });

  it('show open circuits and the age of the oldest due delivery, as /health/ready does, and neither while the database is away', async () => {
    const dueAt = new Date(Date.now() - HOUR_MS);
    const openUntil = new Date(Date.now() + HOUR_MS);
    const deliveries = [{ ...deliveryTo('webhook:9'), dueAt, attempts: 5 }];
    // the destination's own time is only never too late
    const nextDueAt = new Date(dueAt.getTime() - HOUR_MS);
    await destinationsOf(round.db).insertOne({ _id: 'webhook:9', version: 1, nextDueAt, openUntil, openings: 1 });
    await round.completions.insertOne(completionOf('s9', { deliveries }));
    const metrics = await scrape();
    expect(metrics.value('circuits_open')).toBe(1);
    expect(metrics.value('delivery_oldest_due_age_seconds')).toBeGreaterThanOrEqual(3600);
    expect(metrics.value('delivery_oldest_due_age_seconds')).toBeLessThan(3700);
    const ready = await fetch(`${round.service.url}/health/ready`);
    expect(await ready.json()).toEqual({
      status: 'ready',
      database: 'up',
      sessionCheck: { lastFinishedAt: null, ageSeconds: null, failing: false, paused: false },
      circuits: { open: 1 },
    });

    await round.service.get(Database).connection.close();
    const away = await scrape();
    expect(away.names).toContain('hbf_session_manager_circuits_open');
    expect(away.value('circuits_open')).toBeUndefined();
    expect(away.value('delivery_oldest_due_age_seconds')).toBeUndefined();
    const notReady = await fetch(`${round.service.url}/health/ready`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ status: 'not ready', database: 'down', circuits: { open: null } });
    expect((await fetch(`${round.service.url}/health`)).status).toBe(200);
  });

  it('are served on METRICS_PORT only where it is set, from a registry of its own', async () => {
    const other = await startService({ ...round.env, METRICS_PORT: '0' });
    try {
      round.addTenant('t1');
      await round.check();
      expect((await fetch(`${other.url}/metrics`)).status).toBe(404);
      const own = `http://127.0.0.1:${other.get(MetricsServer).port}`;
      expect((await scrape(own)).value('session_checks_total', { outcome: 'finished' })).toBe(0);
      expect((await scrape()).value('session_checks_total', { outcome: 'finished' })).toBe(1);
      expect((await fetch(`${own}/health`)).status).toBe(404);
    } finally {
      await other.stop();
    }
  });

  it.each(['alerts.yaml', 'grafana-dashboard.json'])('include every metric that deploy/%s uses', async (file) => {
    // some appear only once there is something to tell
    round.addTenant('t1');
    await round.check();
    const asked = new Set(readFileSync(join(DEPLOY, file), 'utf8').match(/hbf_session_manager_\w+/g));
    const { names } = await scrape();
    expect(asked.size).toBeGreaterThan(5);
    expect([...asked].filter((name) => !names.has(name))).toEqual([]);
  });

  it('are not the only fact: / tells name and version', async () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', '..', 'package.json'), 'utf8'));
    expect(await (await fetch(round.service.url)).json()).toEqual({ name: 'hbf-session-manager', version });
  });
});
