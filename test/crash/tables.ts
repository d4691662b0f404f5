import { markdownTable, type Row } from '../support/markdown-table.js';
import { type CrashResult, IN_FLIGHT_MS } from './crash-run.js';
import { CLOCKS_CAN_DIFFER, type ReplicaResult } from './replica-run.js';

/** For the README. */
export function crashTable(result: CrashResult): string {
  return markdownTable(`crashes, seed ${result.seed}`, [
    ['sessions', result.sessions],
    ['SIGKILLs of the service', result.serviceKills],
    ['SIGKILLs of the database', result.databaseKills],
    ['expected: one for each session and destination (flow, survey, analysis, webhook)', result.expected],
    ['… arrived at least once', result.expected - result.missing.length],
    ['… missing', result.missing.length],
    ['sessions whose acknowledged rows the embedded engine lost at its kill', result.lostByEngine.length],
    ['arrived again', result.repeated],
    ['… most there could be: arrived, and unrecorded when the process was killed', result.unrecorded],
    [
      `… by the clock: arrived less than ${IN_FLIGHT_MS} ms before a kill, or while the database was away`,
      result.inFlight,
    ],
    ['… oldest unrecorded arrival at a kill (ms; database outages aside)', result.oldestUnrecordedMs],
    ['… because an answer came too late', result.unanswered],
    ['… under another webhook-id', result.otherIds.length],
    ['… without a cause', result.withoutCause.length],
    ['sessions that hbf-core was asked to complete more than once', result.completedAgain.length],
    ['seconds', result.seconds],
    ...warnings(result),
  ]);
}

/** For the README. */
export function replicaTable(result: ReplicaResult): string {
  const loud = CLOCKS_CAN_DIFFER
    ? ''
    : '\nTHE CLOCKS DID NOT DIFFER: libfaketime is missing (apt-get install faketime).\n';
  const rows = markdownTable(`three replicas, seed ${result.seed}`, [
    ['clocks against the database (s)', result.clocks.join(', ')],
    ['one paused for (s), longer than every lease', Math.round(result.pausedMs / 1000)],
    ['one killed', 1],
    ['sessions', result.sessions],
    ['expected: one for each session and destination (flow, survey, analysis, webhook)', result.expected],
    ['… arrived at least once', result.expected - result.missing.length],
    ['… missing', result.missing.length],
    ['sessions held by the paused or killed one (lease lost)', result.heldSessions],
    ['deliveries held by the paused or killed one (lease lost)', result.heldDeliveries],
    ['sessions that hbf-core was asked to complete more than once', result.completedAgain.length],
    ['… without a lease lost', result.completedAgainWithoutCause.length],
    ['sessions completed before their time', result.tooEarly.length],
    ['arrived again', result.repeated],
    ['… because an answer came too late', result.unanswered],
    ['… under another webhook-id', result.otherIds.length],
    ['… without a lease lost', result.withoutCause.length],
    ['seconds', result.seconds],
    ...warnings(result),
  ]);
  return `${loud}${rows}${loud}`;
}

function warnings({ warnings: found }: { warnings: [string, number][] }): Row[] {
  return found.map(([message, count]) => [`log: ${message}`, count]);
}
