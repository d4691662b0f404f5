import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type Channel, CHANNELS } from '../completions/delivery.js';
import type { DeliveryEvents } from '../deliveries/delivery-events.js';
import type { Dispatcher } from '../deliveries/dispatch/dispatcher.js';
import type { OutcomeWriter } from '../completions/outcome-writer.js';
import type { Backlog, BacklogFigures } from './backlog.js';
import { EXCHANGE_BUCKETS, PREFIX } from './metric-names.js';

/** Seconds: most are delivered at once; the retry schedule spans days. */
const LATENCY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43_200, 86_400, 259_200];

const PLATFORM_CHANNELS = CHANNELS.filter((channel) => channel !== 'webhook');

export interface DeliverySources {
  events: DeliveryEvents;
  dispatcher: Dispatcher;
  writer: OutcomeWriter;
  backlog: Backlog;
}

/** Registers the metrics of deliveries. Destinations are never labels: there may be thousands. */
export function observeDeliveries(registry: Registry, sources: DeliverySources): void {
  countAttempts([registry], sources.events);
  countCircuits([registry], sources.events);
  countLeftOutSurveys([registry], sources.events);
  gaugeBacklog([registry], sources);
}

function countAttempts(registers: Registry[], events: DeliveryEvents): void {
  const attempts = tally(
    { name: 'delivery_attempts_total', help: 'Deliveries claimed, by result; postponed, missing, cancelled and impossible ones were not sent', registers }, // prettier-ignore
    'result',
  );
  const deliveries = tally(
    {
      name: 'deliveries_total',
      help: 'Deliveries by outcome; dead_again: sent again on request, and given up again',
      registers,
    },
    'outcome',
  );
  const labelNames = ['channel'] as const;
  const duration = new Histogram({
    name: `${PREFIX}delivery_attempt_duration_seconds`,
    help: 'Duration of attempts',
    labelNames,
    buckets: EXCHANGE_BUCKETS,
    registers,
  });
  const latency = new Histogram({
    name: `${PREFIX}delivery_latency_seconds`,
    help: "From a session's completion to its delivery",
    labelNames,
    buckets: LATENCY_BUCKETS,
    registers,
  });
  // zero from the start, so that the first one shows as an increase
  for (const channel of CHANNELS) {
    for (const outcome of ['delivered', 'dead', 'dead_again', 'cancelled']) deliveries(channel, outcome, 0);
    for (const result of ['delivered', 'failed']) attempts(channel, result, 0);
  }
  const deadAtPlatform = new Counter({
    name: `${PREFIX}platform_deliveries_dead_total`,
    help: "Deliveries to the platform's own services that became dead for the first time",
    labelNames,
    registers,
  });
  for (const channel of PLATFORM_CHANNELS) deadAtPlatform.inc({ channel }, 0);
  events.listenToAttempts(({ channel, result, state, redelivered, durationMs, latencyMs }) => {
    attempts(channel, result);
    if (state !== 'pending') deliveries(channel, state === 'dead' && redelivered ? 'dead_again' : state);
    if (state === 'dead' && !redelivered && channel !== 'webhook') deadAtPlatform.inc({ channel });
    if (durationMs !== undefined) duration.observe({ channel }, durationMs / 1000);
    if (latencyMs !== undefined) latency.observe({ channel }, latencyMs / 1000);
  });
}

/**
 * A counter by channel and one more label. It counts in a map and fills prom-client's counter at a scrape: each of
 * prom-client's increments builds a key from the labels, about a microsecond, and there are two for each attempt.
 */
function tally(
  { name, help, registers }: { name: string; help: string; registers: Registry[] },
  label: 'result' | 'outcome',
): (channel: Channel, value: string, by?: number) => void {
  const counts = new Map<Channel, Map<string, number>>(CHANNELS.map((channel) => [channel, new Map()]));
  new Counter({
    name: `${PREFIX}${name}`,
    help,
    labelNames: ['channel', label],
    registers,
    collect() {
      this.reset();
      for (const [channel, values] of counts) {
        for (const [value, count] of values) this.inc({ channel, [label]: value }, count);
      }
    },
  });
  return (channel, value, by = 1) => {
    const values = counts.get(channel)!;
    values.set(value, (values.get(value) ?? 0) + by);
  };
}

function countCircuits(registers: Registry[], events: DeliveryEvents): void {
  const changes = new Counter({
    name: `${PREFIX}circuit_changes_total`,
    help: 'Circuits that this process opened or closed',
    labelNames: ['change'] as const,
    registers,
  });
  for (const change of ['opened', 'closed']) changes.inc({ change }, 0);
  events.listenToCircuits((change) => changes.inc({ change }));
}

function countLeftOutSurveys(registers: Registry[], events: DeliveryEvents): void {
  const leftOut = new Counter({
    name: `${PREFIX}surveys_left_out_total`,
    help: "Listed with a session's surveys and not triggered: of another session, or nobody can tell of which",
    labelNames: ['reason'] as const,
    registers,
  });
  for (const reason of ['other-session', 'unclear']) leftOut.inc({ reason }, 0);
  events.listenToLeftOutSurveys(({ otherSession, unclear }) => {
    leftOut.inc({ reason: 'other-session' }, otherSession);
    leftOut.inc({ reason: 'unclear' }, unclear);
  });
}

function gaugeBacklog(registers: Registry[], { dispatcher, writer, backlog }: DeliverySources): void {
  new Gauge({
    name: `${PREFIX}deliveries_in_flight`,
    help: 'Attempts under way in this process',
    registers,
    collect() {
      this.set(dispatcher.inFlight);
    },
  });
  new Gauge({
    name: `${PREFIX}destination_concurrency_limit`,
    help: 'Attempts at once that this process gives a destination: the lowest and the highest over the destinations of a channel that had something to do lately', // prettier-ignore
    labelNames: ['channel', 'bound'] as const,
    registers,
    collect() {
      this.reset();
      const found = [...dispatcher.limits()];
      for (const channel of new Set(found.map((one) => one.channel))) {
        const limits = found.filter((one) => one.channel === channel).map(({ limit }) => limit);
        this.set({ channel, bound: 'lowest' }, Math.min(...limits));
        this.set({ channel, bound: 'highest' }, Math.max(...limits));
      }
    },
  });
  new Counter({
    name: `${PREFIX}delivery_outcomes_lost_total`,
    help: 'Outcomes that came after the lease had passed to another process, which attempts the delivery again',
    registers,
    collect() {
      this.reset();
      this.inc(writer.lost);
    },
  });
  const shared = (name: string, help: string, read: (figures: BacklogFigures) => number) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help: `${help}; the same from every replica, absent while the database is away`,
      registers,
      async collect() {
        const figures = await backlog.figures();
        if (figures) this.set(read(figures));
        else this.remove();
      },
    });
  shared('delivery_oldest_due_age_seconds', 'How long the oldest due delivery waits', (f) => f.oldestDueAgeSeconds);
  shared('circuits_open', 'Destinations whose circuit is open', (figures) => figures.openCircuits);
}
