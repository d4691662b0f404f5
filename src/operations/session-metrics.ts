import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SessionCheckScheduler } from '../sessions/session-check.scheduler.js';
import type { ListTiming } from '../sessions/list-timing.js';
import type { Quarantine } from '../sessions/quarantine.js';
import type { SessionEvents } from '../sessions/session-events.js';
import type { TenantProblems } from '../sessions/tenant-problems.js';
import { PREFIX } from './metric-names.js';

/** Seconds: a check comes every few minutes; after downtime sessions are hours late. */
const LATENESS_BUCKETS = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
const CHECK_BUCKETS = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

/** What the metrics of session checks are taken from. */
export interface ObservedSessions {
  events: SessionEvents;
  scheduler: SessionCheckScheduler;
  timing: ListTiming;
  problems: TenantProblems;
  quarantine: Quarantine;
}

/** Registers the metrics of session checks. */
export function observeSessions(
  registry: Registry,
  { events, scheduler, timing, problems, quarantine }: ObservedSessions,
): void {
  const registers = [registry];
  countChecks(registers, events);
  const completed = new Counter({ name: `${PREFIX}sessions_completed_total`, help: 'Sessions completed', registers });
  const lateness = new Histogram({
    name: `${PREFIX}completion_lateness_seconds`,
    help: 'Time from when a session ended by its rule to its completion',
    buckets: LATENESS_BUCKETS,
    registers,
  });
  events.listenToCompletions((latenessMs) => {
    completed.inc();
    lateness.observe(latenessMs / 1000);
  });
  new Gauge({
    name: `${PREFIX}session_check_last_success_timestamp_seconds`,
    help: 'When the latest session check that succeeded ended; absent before the first',
    registers,
    collect() {
      if (scheduler.lastFinishedAt) this.set(scheduler.lastFinishedAt.getTime() / 1000);
      else this.remove();
    },
  });
  new Gauge({
    name: `${PREFIX}session_list_median_seconds`,
    help: 'Time that hbf-core takes for a page of the list of one tenant, median of fifty; above 0.25 probably no index serves it',
    registers,
    collect() {
      if (timing.medianMs === undefined) this.remove();
      else this.set(timing.medianMs / 1000);
    },
  });
  new Gauge({
    name: `${PREFIX}session_problems`,
    help: 'Problems of tenants that this process has met, and sessions in quarantine, of all replicas',
    labelNames: ['of'] as const,
    registers,
    collect() {
      this.set({ of: 'tenant' }, problems.list().length);
      this.set({ of: 'session' }, quarantine.count);
    },
  });
}

function countChecks(registers: Registry[], events: SessionEvents): void {
  const counter = (name: string, help: string) => new Counter({ name: `${PREFIX}${name}`, help, registers });
  const found = counter('sessions_found_total', 'Sessions found to have ended');
  const recovered = counter(
    'sessions_recovered_total',
    'Sessions whose completion was taken over from a process that stopped',
  );
  const tenantsFailed = counter('session_check_tenants_failed_total', 'Scans of a tenant that failed');
  const listsShort = counter(
    'session_lists_short_total',
    'Lists of sessions that ended with fewer than hbf-core had said',
  );
  const backingOff = new Gauge({
    name: `${PREFIX}tenants_backing_off`,
    help: 'Tenants that the latest check left out because their list failed lately',
    registers,
  });
  const troubled = new Counter({
    name: `${PREFIX}sessions_troubled_total`,
    help: 'Sessions that hbf-core refuses to complete (refused), that cannot be read (malformed), or that hbf-core shows as active again without a new interaction (repeated)',
    labelNames: ['trouble'] as const,
    registers,
  });
  const held = new Gauge({
    name: `${PREFIX}sessions_held`,
    help: 'Sessions that an open live chat held back in the latest check',
    registers,
  });
  const deferred = new Gauge({
    name: `${PREFIX}tenants_deferred`,
    help: 'Tenants that the latest check left to the next one because of SESSION_CHECK_MAX_COMPLETIONS_PER_MIN',
    registers,
  });
  const checks = new Counter({
    name: `${PREFIX}session_checks_total`,
    help: 'Session checks by outcome; paused: the backlog is above DELIVERY_BACKLOG_HIGH_WATER',
    labelNames: ['outcome'] as const,
    registers,
  });
  const duration = new Histogram({
    name: `${PREFIX}session_check_duration_seconds`,
    help: 'Duration of session checks',
    buckets: CHECK_BUCKETS,
    registers,
  });
  for (const outcome of ['finished', 'paused', 'failed']) checks.inc({ outcome }, 0);
  for (const trouble of ['refused', 'malformed', 'repeated']) troubled.inc({ trouble }, 0);
  events.listenToChecks(({ figures, durationMs }) => {
    duration.observe(durationMs / 1000);
    checks.inc({ outcome: figures === undefined ? 'failed' : figures.paused ? 'paused' : 'finished' });
    if (!figures) return;
    found.inc(figures.found);
    recovered.inc(figures.recovered);
    tenantsFailed.inc(figures.tenantsFailed);
    listsShort.inc(figures.listsShort);
    backingOff.set(figures.tenantsBackingOff);
    held.set(figures.held);
    deferred.set(figures.deferred);
    for (const trouble of ['refused', 'malformed', 'repeated'] as const) troubled.inc({ trouble }, figures[trouble]);
  });
}
