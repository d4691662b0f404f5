import { mean } from '../support/figures.js';
import { markdownTable, type Row } from '../support/markdown-table.js';
import { LATENESS_BOUND_MS } from './rules.js';
import type { Sample } from './sampler.js';
import { RETENTION_SHARE, type SoakResult } from './soak-run.js';
import { CHECK_INTERVAL_MS } from './world.js';

const COLUMNS: readonly [head: string, value: (sample: Sample) => number | string][] = [
  ['s', ({ at }) => Math.round(at)],
  ['RSS MB', ({ rssMb }) => Math.round(rssMb)],
  ['peak MB', ({ peakMb }) => Math.round(peakMb)],
  ['sockets', ({ sockets }) => sockets],
  ['timers', ({ timers }) => timers],
  ['rows', ({ rows }) => rows],
  ['open', ({ openRows }) => openRows],
  ['failing', ({ failingRows }) => failingRows],
  ['errors', ({ errorRows }) => errorRows],
  ['active', ({ active }) => active],
  ['completed/s', ({ completedPerSecond }) => Math.round(completedPerSecond)],
  ['deliveries/s', ({ deliveriesPerSecond }) => Math.round(deliveriesPerSecond)],
  ['late p50 s', ({ latenessP50 }) => seconds(latenessP50)],
  ['late p99 s', ({ latenessP99 }) => seconds(latenessP99)],
  ['cores', ({ cores }) => cores.toFixed(2)],
];

/** The heads of a progress table's columns. */
export function sampleHead(): string {
  return COLUMNS.map(([head]) => head).join('  ');
}

export function sampleLine(sample: Sample): string {
  return COLUMNS.map(([head, value]) => String(value(sample)).padStart(head.length)).join('  ');
}

/** For the README. */
export function soakTable(result: SoakResult): string {
  const { options, sessions, offeredIn, samples, lateness, arrivals, toFailing, rowsLeft } = result;
  const total = offeredIn + result.drainedIn;
  return markdownTable(`load held, ${options.perSecond} sessions/s for ${options.seconds} s`, [
    ['sessions of 20 messages', sessions],
    [
      `tenants; webhooks, of which ${options.mix.answers(options.slowMs)}`,
      `${options.mix.tenants}; ${options.mix.tenants * options.mix.hooksPerTenant}`,
    ],
    ['offered (sessions/s)', Math.round(sessions / offeredIn)],
    ['completed and delivered (deliveries/s, drain included)', Math.round(arrivals.arrived / total)],
    ['drained after the last session (s)', result.drainedIn.toFixed(1)],
    [
      `lateness of completion, a check each ${CHECK_INTERVAL_MS / 1000} s (p50 / p99 / most, s; bound of p99: ${seconds(LATENESS_BOUND_MS)})`,
      [lateness.p50, lateness.p99, lateness.most].map(seconds).join(' / '),
    ],
    ...result.trends.map(({ name, early, late, most }): Row => [
      `${name}: 2nd fifth → last fifth (at most)`,
      `${Math.round(early)} → ${Math.round(late)} (${Math.round(most)})`,
    ]),
    ['peak memory of the process (MB)', Math.round(samples.at(-1)?.peakMb ?? NaN)],
    ['CPU of the service (cores, mean)', mean(samples.map(({ cores }) => cores)).toFixed(2)],
    ['expected (flow, analysis, webhooks; failing endpoints aside)', arrivals.expected],
    ['… arrived at least once', arrivals.arrived],
    ['… missing', arrivals.missing.length],
    ['… arrived where nothing was expected', arrivals.unexpected.length],
    ['… arrived again', arrivals.duplicates.explained + arrivals.duplicates.unexplained],
    ['sessions that hbf-core was asked to complete again', result.completedAgain],
    [
      'deliveries to failing endpoints: pending with a next attempt / dead / neither',
      [toFailing.pending, toFailing.dead, toFailing.other].join(' / '),
    ],
    ['… attempts that they refused', result.refused],
    [
      `rows purged when their retention (here ${(options.seconds * RETENTION_SHARE).toFixed(0)} s) had passed`,
      result.purged,
    ],
    ['rows left after it: all, of which pending at failing endpoints', `${rowsLeft.rows}, ${rowsLeft.failingRows}`],
    ...result.warnings.map(([message, count]): Row => [`log: ${message}`, count]),
  ]);
}

/** Between two checks nothing is completed. */
function seconds(ms: number): string {
  return Number.isNaN(ms) ? '-' : (ms / 1000).toFixed(1);
}
