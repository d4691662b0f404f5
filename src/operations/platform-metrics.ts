import { Counter, Histogram, type Registry } from 'prom-client';
import type { TrainingEvents } from '../nlp-pipelines/training-events.js';
import type { MailWorker } from '../notifications/mail-worker.js';
import type { PlatformCalls } from '../platform/platform-calls.js';
import { EXCHANGE_BUCKETS, PREFIX } from './metric-names.js';

const TRAINING_BUCKETS = [5, 15, 30, 60, 120, 240, 360, 600, 1800, 3600];

/** Registers the metrics of calls to the platform's services, by route template; each try of a call counts. */
export function observePlatform(registry: Registry, platformCalls: PlatformCalls): void {
  const registers = [registry];
  const calls = new Counter({
    name: `${PREFIX}platform_calls_total`,
    help: "Tries of calls to the platform's services; status is the HTTP status, or the kind of error",
    labelNames: ['service', 'route', 'status'] as const,
    registers,
  });
  const duration = new Histogram({
    name: `${PREFIX}platform_call_duration_seconds`,
    help: "Duration of tries of calls to the platform's services",
    labelNames: ['service', 'route'] as const,
    buckets: EXCHANGE_BUCKETS,
    registers,
  });
  platformCalls.listen(({ service, route, outcome, durationMs }) => {
    calls.inc({ service, route, status: String(outcome) });
    duration.observe({ service, route }, durationMs / 1000);
  });
}

export function observeTrainings(registry: Registry, events: TrainingEvents): void {
  const registers = [registry];
  const trainings = new Counter({
    name: `${PREFIX}trainings_total`,
    help: 'NLP pipelines that were examined, by outcome',
    labelNames: ['outcome'] as const,
    registers,
  });
  const duration = new Histogram({
    name: `${PREFIX}training_duration_seconds`,
    help: 'Duration of trainings that ended, successful or not',
    buckets: TRAINING_BUCKETS,
    registers,
  });
  const ends = ['trained', 'failed', 'timed-out'];
  for (const outcome of ends) trainings.inc({ outcome }, 0);
  events.listen(({ outcome, durationMs }) => {
    trainings.inc({ outcome });
    if (ends.includes(outcome)) duration.observe(durationMs / 1000);
  });
}

export function observeMails(registry: Registry, worker: MailWorker): void {
  new Counter({
    name: `${PREFIX}mails_total`,
    help: 'Mails claimed, by result; refused and server-trouble are tried again',
    labelNames: ['result'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(worker.totals)) this.inc({ result }, count);
    },
  });
}
