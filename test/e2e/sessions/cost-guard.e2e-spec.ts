import { CommandCounter } from '../../world/command-counter.js';
import { testDatabaseUri } from '../../world/database.js';
import { MINUTE_MS } from '../../support/time-machine.js';
import { addSessions } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

const SESSIONS = 60;
const PAGE = 20;
/** flow, surveys, analysis and two webhooks */
const DELIVERIES = 5 * SESSIONS;

jest.setTimeout(30_000);

/** Guards what `npm run bench` gained: by counts, which are the same on every machine, never by times. */
describe('the cost of work', () => {
  let round: Round;
  let commands: CommandCounter;

  beforeEach(async () => {
    commands = await CommandCounter.start(testDatabaseUri('cost-guard'));
    round = await Round.start('cost-guard', { MONGODB_URI: commands.uri, SESSION_PAGE_SIZE: String(PAGE) });
    // a busy machine makes attempts slow, and the dispatcher holds others back: by a clock that stands still none is slow
    jest.spyOn(Date, 'now').mockReturnValue(Date.now());
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    expect(round.platform.violations).toEqual([]);
    await round.stop();
    commands.stop();
  });

  const calls = (route: string) => round.core.server.count(route);
  const callsInAll = () => round.core.server.requests.length;

  it('settles a due delivery with a fraction of a database command', async () => {
    await tenantWithTwoWebhooks();
    addSessions(round, 't1', SESSIONS);
    const before = commands.besideHeartbeats;
    await round.check();
    await round.allSettled(); // looks past the counter
    const spent = commands.besideHeartbeats - before;
    // 30 on a quiet machine: a handful for each page, and the outcomes in batches
    expect(spent).toBeGreaterThan(0);
    expect(spent / DELIVERIES).toBeLessThan(0.25);
  });

  it('asks hbf-core once for a page of sessions, once to complete it, and never for a session that is in memory', async () => {
    await tenantWithTwoWebhooks();
    addSessions(round, 't1', SESSIONS);
    await round.check();
    await round.allSettled();
    expect(calls('PATCH /chat-sessions/batch/complete')).toBe(SESSIONS / PAGE);
    // one light look, each page, and the empty one that says it was the last
    expect(calls('GET /chat-sessions')).toBeLessThanOrEqual(SESSIONS / PAGE + 2);
    expect(calls('GET /organizations/{orgId}/surveys')).toBe(SESSIONS / PAGE); // has the organization any at all?
    expect(calls('GET /chat-sessions/{id}')).toBe(0);
  });

  it('serialises a payload once for all destinations of its session', async () => {
    await tenantWithTwoWebhooks();
    const ids = addSessions(round, 't1', SESSIONS);
    const stringify = jest.spyOn(JSON, 'stringify');
    await round.check();
    await round.allSettled();
    const bodies = stringify.mock.calls.flatMap(([value]: unknown[], index) =>
      isPayload(value) ? [{ id: value.id, text: stringify.mock.results[index]!.value as string }] : [],
    );
    stringify.mockRestore();
    expect(bodies.map(({ id }) => id).sort()).toEqual([...ids].sort());
    const received = new Map(round.platform.publisher.triggers.map(({ id, body }) => [id, JSON.stringify(body)]));
    for (const { id, text } of bodies) expect(text).toBe(received.get(id));
  });

  it('asks hbf-core twice a check while nothing ends, however many tenants there are', async () => {
    for (let i = 0; i < 300; i++) {
      round.addTenant(`t${i}`);
      round.addSession(`t${i}`, 1);
    }
    await round.check();
    // one page of tenants, one light page of the sessions that are old enough, of all tenants
    expect(callsInAll()).toBe(2);
    round.core.server.resetCounters();
    jest.mocked(Date.now).mockReturnValue(Date.now() + MINUTE_MS); // what the planner knows is in memory, and does not age
    const before = commands.besideHeartbeats;
    await round.check();
    expect(callsInAll()).toBe(2);
    expect(commands.besideHeartbeats - before).toBeLessThanOrEqual(4);
  });

  async function tenantWithTwoWebhooks(): Promise<void> {
    round.addTenant('t1', { summarizes: true });
    await round.addWebhook('t1');
    await round.addWebhook('t1');
  }
});

function isPayload(value: unknown): value is { id: string } {
  return typeof value === 'object' && value !== null && 'participants' in value && 'messages' in value;
}
