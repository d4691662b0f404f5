import { SessionCheckScheduler } from '../../../src/sessions/session-check.scheduler.js';
import type { Fault } from '../../world/platform/fault-plan.js';
import { Round } from '../fixtures/round.js';
import { captureLogs, type LogLine } from '../fixtures/captured-logs.js';

const TIMEOUT_MS = 300;

jest.setTimeout(30_000); // a busy machine must not fail it

describe('a session check while hbf-core is away', () => {
  let round: Round;
  let logs: LogLine[];
  let nth = 0;

  beforeAll(async () => {
    round = await Round.start('session-check-core-away', { SESSION_SERVICE_REQUEST_TIMEOUT: String(TIMEOUT_MS) });
    logs = captureLogs(round);
    round.addTenant('t1');
  });

  afterAll(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  beforeEach(() => {
    logs.length = 0;
    nth++;
  });

  const failing = () => round.service.get(SessionCheckScheduler).failing;

  /** The check fails as a whole, says so, and leaves nothing behind; when hbf-core is back, the next one works. */
  async function failsThenWorks(heal: () => unknown): Promise<void> {
    const id = round.addSession('t1', 20);
    await expect(round.check()).rejects.toThrow();
    expect(failing()).toBe(true);
    const [line] = logs.filter(({ event }) => event === 'session-check.failed');
    expect(line).toMatchObject({ level: 'error' });
    expect(String(line!.facts['reason'])).toContain('hbf-core');
    expect((await round.all()).has(id)).toBe(false);
    expect(round.core.session(id).status).toBe('ACTIVE');

    await heal();
    expect(await round.check()).toMatchObject({ completed: 1, tenantsFailed: 0 });
    expect(failing()).toBe(false);
    expect((await round.allSettled()).size).toBe(nth);
    expect(round.core.completed.get(id)!.count).toBe(1);
  }

  const faults: [string, Fault][] = [
    ['is slow beyond the time-out', { kind: 'delay', ms: 10 * TIMEOUT_MS }],
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 401', { kind: 'status', status: 401 }],
    ['answers 403', { kind: 'status', status: 403 }],
    ['breaks the connection', { kind: 'reset' }],
    ['answers an object without items', { kind: 'body', body: { page: 0, total: 0 } }],
    ['answers null for the items', { kind: 'body', body: { items: null, total: 0 } }],
    ['answers with a string', { kind: 'body', body: '"no sessions today"' }],
    ['answers null', { kind: 'body', body: 'null' }],
    ['answers with a page of HTML', { kind: 'body', body: '<html>login</html>' }],
    ['answers with nothing', { kind: 'body', body: '' }],
  ];

  describe.each(['GET /tenants', 'GET /chat-sessions'])('%s', (route) => {
    it.each(faults)('%s', async (_what, fault) => {
      await failsThenWorks(round.core.server.fault({ ...fault, route }));
    });
  });

  it('fails, and completes nothing, when hbf-core refuses connections', async () => {
    const port = Number(new URL(round.core.server.url).port);
    await round.core.server.stop();
    await failsThenWorks(() => round.core.server.listen(port));
  });

  it('leaves a tenant to the next check when only its scan fails', async () => {
    const id = round.addSession('t1', 20);
    const when: Fault['when'] = ({ query }) => query.get('tenantId') === 't1';
    const heal = round.core.server.fault({ kind: 'body', body: {}, route: 'GET /chat-sessions', when });
    expect(await round.check()).toMatchObject({ completed: 0, tenantsFailed: 1 });
    expect(logs.some(({ event, level }) => event === 'session-check.tenant-failed' && level === 'error')).toBe(true);
    heal();
    expect(await round.check()).toMatchObject({ completed: 1, tenantsFailed: 0 });
    expect((await round.allSettled()).has(id)).toBe(true);
  });
});
