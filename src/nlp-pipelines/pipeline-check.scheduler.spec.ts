import { Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { testConfig } from '../../test/world/service/service-environment.js';
import type { Database } from '../persistence/database.js';
import { PipelineCheckScheduler } from './pipeline-check.scheduler.js';

/** Checks that end when the test says so. */
class FakeChecks {
  underWay = 0;
  peak = 0;
  private readonly ends: ((error?: Error) => void)[] = [];
  private readonly begun: (() => void)[] = [];
  private waiting: (() => void)[] = [];

  run(): Promise<void> {
    this.peak = Math.max(this.peak, ++this.underWay);
    return new Promise<void>((resolve, reject) => {
      this.ends.push((error) => (error ? reject(error) : resolve()));
      this.begun.push(resolve);
      for (const wake of this.waiting.splice(0)) wake();
    }).finally(() => this.underWay--);
  }

  async nth(n: number): Promise<(error?: Error) => void> {
    while (this.ends.length < n) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.ends[n - 1]!;
  }

  get count(): number {
    return this.begun.length;
  }
}

describe('PipelineCheckScheduler', () => {
  let checks: FakeChecks;
  let registry: SchedulerRegistry;
  let ready: () => void;

  function build(minutes: string): PipelineCheckScheduler {
    const config = testConfig({ NLP_PIPELINE_CHECK_INTERVAL_IN_MINS: minutes });
    const whenReady = new Promise<void>((resolve) => (ready = resolve));
    const database = { whenReady: () => whenReady } as Database;
    return new PipelineCheckScheduler(checks, registry, database, config);
  }

  beforeAll(() => {
    Logger.overrideLogger(false);
  });

  beforeEach(() => {
    checks = new FakeChecks();
    registry = new SchedulerRegistry();
  });

  it('waits for the database, and runs one check after the other, failed ones too', async () => {
    const scheduler = build('0.0001');
    scheduler.onApplicationBootstrap();
    await new Promise(setImmediate);
    expect(registry.getTimeouts()).toEqual([]);
    ready();
    (await checks.nth(1))();
    (await checks.nth(2))(new Error('hbf-core is away'));
    await checks.nth(3);
    expect(checks.peak).toBe(1);
    scheduler.onModuleDestroy();
  });

  it('starts the pause when a run has ended, not before', async () => {
    const scheduler = build('10');
    scheduler.onApplicationBootstrap();
    ready();
    const end = await checks.nth(1);
    const during: unknown = registry.getTimeout('pipeline-check');
    end();
    await new Promise(setImmediate);
    expect(registry.getTimeout('pipeline-check')).not.toBe(during);
    expect(checks.count).toBe(1);
    scheduler.onModuleDestroy();
    expect(registry.getTimeouts()).toEqual([]);
  });

  it('does not come back after the stop', async () => {
    const scheduler = build('0.0001');
    scheduler.onApplicationBootstrap();
    ready();
    const end = await checks.nth(1);
    scheduler.onModuleDestroy();
    end();
    await new Promise(setImmediate);
    expect(registry.getTimeouts()).toEqual([]);
  });

  it('is switched off by 0', async () => {
    const scheduler = build('0');
    scheduler.onApplicationBootstrap();
    ready();
    await new Promise(setImmediate);
    expect(registry.getTimeouts()).toEqual([]);
    scheduler.onModuleDestroy();
  });
});
