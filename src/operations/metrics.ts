import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { DeliveryEvents } from '../deliveries/delivery-events.js';
import { Dispatcher } from '../deliveries/dispatch/dispatcher.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { TrainingEvents } from '../nlp-pipelines/training-events.js';
import { MailWorker } from '../notifications/mail-worker.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { PlatformCalls } from '../platform/platform-calls.js';
import { ExpiryClock } from '../sessions/expiry-clock.js';
import { SessionCheckScheduler } from '../sessions/session-check.scheduler.js';
import { SessionEvents } from '../sessions/session-events.js';
import { Backlog } from './backlog.js';
import { observeClocks } from './clock-metrics.js';
import { observeDeliveries } from './delivery-metrics.js';
import { observeMemory } from './memory-metrics.js';
import { PREFIX } from './metric-names.js';
import { observeMails, observePlatform, observeTrainings } from './platform-metrics.js';
import { ListTiming } from '../sessions/list-timing.js';
import { Quarantine } from '../sessions/quarantine.js';
import { TenantProblems } from '../sessions/tenant-problems.js';
import { observeSessions } from './session-metrics.js';
import { version } from '../config/version.js';

/** The metrics of one instance of the service, in a registry of its own: tests start several in one process. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();

  constructor(
    events: SessionEvents,
    scheduler: SessionCheckScheduler,
    timing: ListTiming,
    problems: TenantProblems,
    quarantine: Quarantine,
    deliveries: DeliveryEvents,
    dispatcher: Dispatcher,
    writer: OutcomeWriter,
    backlog: Backlog,
    calls: PlatformCalls,
    trainings: TrainingEvents,
    mails: MailWorker,
    clock: ExpiryClock,
    budget: MemoryBudget,
  ) {
    collectDefaultMetrics({ register: this.registry, prefix: PREFIX });
    observeSessions(this.registry, { events, scheduler, timing, problems, quarantine });
    observeDeliveries(this.registry, { events: deliveries, dispatcher, writer, backlog });
    observePlatform(this.registry, calls);
    observeTrainings(this.registry, trainings);
    observeMails(this.registry, mails);
    observeClocks(this.registry, clock);
    observeMemory(this.registry, budget);
    const build = {
      name: `${PREFIX}build_info`,
      help: 'Always 1',
      labelNames: ['version'],
      registers: [this.registry],
    };
    new Gauge(build).set({ version }, 1);
  }

  /** Of the exposition. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Prometheus' text format. */
  exposition(): Promise<string> {
    return this.registry.metrics();
  }
}
