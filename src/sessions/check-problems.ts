import { Injectable } from '@nestjs/common';
import { CheckHistory, type NotedProblems } from './check-history.js';
import { Quarantine } from './quarantine.js';

/** Something that session checks cannot treat as they should, and try again. */
export interface CheckProblem {
  tenantId: string;
  /** When it is about one session. */
  sessionId?: string;
  reason: string;
  since: Date;
}

const LISTED_AT_MOST = 1_000;

/** What is wrong with single tenants and sessions, over all replicas. */
@Injectable()
export class CheckProblems {
  constructor(
    private readonly history: CheckHistory,
    private readonly quarantine: Quarantine,
  ) {}

  /**
   * The latest check of each process tells what was wrong with its tenants.
   *
   * @returns at most a thousand problems of tenants, and as many of sessions
   * @throws the database's error
   */
  async list(): Promise<CheckProblem[]> {
    const latest = new Map<string, NotedProblems>();
    for (const record of await this.history.newestProblems())
      if (!latest.has(record.instance)) latest.set(record.instance, record);
    const problems = new Map<string, CheckProblem>();
    for (const problem of [...latest.values()].flatMap((record) => record.problems)) {
      problems.set(`${problem.tenantId} ${problem.reason}`, problem);
    }
    const sessions = await this.quarantine.list(LISTED_AT_MOST);
    return [
      ...[...problems.values()].slice(0, LISTED_AT_MOST),
      ...sessions.map(({ _id, tenantId, reason, since }) => ({ tenantId, sessionId: _id, reason, since })),
    ];
  }
}
