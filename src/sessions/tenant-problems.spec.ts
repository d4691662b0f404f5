import { TenantProblems } from './tenant-problems.js';

const MINUTE_MS = 60_000;

describe('TenantProblems', () => {
  it('leaves a tenant whose list failed alone for 1, 2, 4 … 30 minutes', () => {
    const problems = new TenantProblems();
    let now = 0;
    const backoffs = Array.from({ length: 7 }, () => {
      problems.failed('t1', 'http_500', now);
      const failedAt = now;
      while (problems.backsOff('t1', now)) now += MINUTE_MS;
      return (now - failedAt) / MINUTE_MS;
    });
    expect(backoffs).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(problems.backsOff('t2', 0)).toBe(false);
  });

  it('names a failing tenant with the latest reason and the time of the first failure, until it succeeds', () => {
    const problems = new TenantProblems();
    problems.failed('t1', 'http_500', 1_000);
    problems.failed('t1', 'timeout', 2_000);
    expect(problems.list()).toEqual([{ tenantId: 't1', reason: 'timeout', since: new Date(1_000) }]);
    problems.succeeded('t1');
    expect(problems.list()).toEqual([]);
  });

  it('forgets failures of tenants that are no longer its own', () => {
    const problems = new TenantProblems();
    problems.failed('t1', 'http_500', 0);
    problems.failed('t2', 'http_500', 0);
    problems.keepFailing((id) => id === 't2');
    expect(problems.list().map(({ tenantId }) => tenantId)).toEqual(['t2']);
    expect(problems.backsOff('t1', 0)).toBe(false);
  });

  it('names what cannot be read for as long as checks meet it, since the first time, and logs it once', () => {
    const problems = new TenantProblems();
    const check = (now: number, ...reasons: string[]) => {
      problems.begin();
      reasons.forEach((reason) => problems.note('t1', reason, now));
      return problems.list();
    };
    expect(check(1_000, 'a')).toEqual([{ tenantId: 't1', reason: 'a', since: new Date(1_000) }]);
    expect(check(2_000, 'a', 'b').map(({ since }) => since.getTime())).toEqual([1_000, 2_000]);
    expect(check(3_000, 'b').map(({ reason }) => reason)).toEqual(['b']);
    expect(check(4_000)).toEqual([]);
  });
});
