/** What one session check did. What a slow list brings after the end of its check is counted in the next one. All numbers are counts of sessions unless the name says otherwise. */
export interface CheckFigures {
  tenants: number;
  /** Tenants whose sessions were asked for. */
  tenantsScanned: number;
  found: number;
  /** Ended, but a live chat is open. */
  held: number;
  completed: number;
  /** hbf-core had them COMPLETED before and shows them ACTIVE again, untouched: told again, nothing sent anew. */
  repeated: number;
  /** hbf-core refuses to complete them and shows them as active; tried again, most of them from quarantine. */
  refused: number;
  /** They cannot be read, or not be judged by what they tell; in quarantine, tried again hourly. */
  malformed: number;
  /** Taken over from a process that went away in between. */
  recovered: number;
  /** Tenants whose scan failed; tried again after a backoff. */
  tenantsFailed: number;
  /** Tenants that were left out because their scan failed lately. */
  tenantsBackingOff: number;
  /** Lists that ended with fewer sessions than hbf-core had said. */
  listsShort: number;
  /** Tenants left to the next check by SESSION_CHECK_MAX_COMPLETIONS_PER_MIN. */
  deferred: number;
  /** Whether it stopped, or did not begin, because more than DELIVERY_BACKLOG_HIGH_WATER deliveries wait. */
  paused: boolean;
}

export function noFigures(): CheckFigures {
  return {
    tenants: 0,
    tenantsScanned: 0,
    found: 0,
    held: 0,
    completed: 0,
    repeated: 0,
    refused: 0,
    malformed: 0,
    recovered: 0,
    tenantsFailed: 0,
    tenantsBackingOff: 0,
    listsShort: 0,
    deferred: 0,
    paused: false,
  };
}
