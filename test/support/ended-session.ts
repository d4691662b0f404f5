import type { EndedSession } from '../../src/completions/completion.js';

/** The facts of a session of tenant t1 that ended, and was found to, at `at`; `changes` replaces any of them. */
export function endedSession(sessionId: string, at: Date, changes: Partial<EndedSession> = {}): EndedSession {
  return {
    _id: sessionId,
    sessionId,
    revision: 1,
    organizationId: 'o1',
    tenantId: 't1',
    rule: 'tenant-threshold',
    thresholdSeconds: 600,
    lastInteraction: at,
    foundAt: at,
    leftOut: [],
    ...changes,
  };
}
