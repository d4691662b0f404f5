import { CommandCounter } from '../../world/command-counter.js';
import { testDatabaseUri } from '../../world/database.js';
import { MINUTE_MS } from '../../support/time-machine.js';
import { addSessions } from '../fixtures/deliveries.js';
import { addTenants, canariesOf, listsOf } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const SESSIONS = 60;
const PAGE = 20;
/** flow, surveys, analysis and two webhooks */
const DELIVERIES = 5 * SESSIONS;
/** Where each process writes its heartbeat. */
const HEARTBEATS = 'heartbeats';

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

  it('settles a due delivery with a fraction of a database command', async () => {
    await tenantWithTwoWebhooks();
    addSessions(round, 't1', SESSIONS);
    const before = commands.totalBeside(HEARTBEATS);
    await round.check();
    await round.allSettled(); // looks past the counter
    const spent = commands.totalBeside(HEARTBEATS) - before;
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
    // each page, and the canary
    expect(calls('GET /chat-sessions')).toBe(SESSIONS / PAGE + 1);
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
    const ours = /,"webhook":\{[^{}]*\}\}$/; // the member that a flow trigger lacks
    for (const { id, text } of bodies) expect(text.replace(ours, '}')).toBe(received.get(id));
  });

  it.each([1, 40, 300])(
    'asks hbf-core for one list of each of %i tenants, one canary and the tenants while nothing ends',
    async (count) => {
      const tenants = addTenants(round, count);
      tenants.forEach((tenant) => round.addSession(tenant, 1, { messages: [] }));
      await round.check(); // what it learns of the tenants costs the next check nothing
      round.core.server.resetCounters();
      jest.mocked(Date.now).mockReturnValue(Date.now() + MINUTE_MS);
      const before = commands.totalBeside(HEARTBEATS);
      await round.check();
      const spent = commands.totalBeside(HEARTBEATS) - before;
      expect(round.core.server.journal.calls).toEqual({
        'GET /chat-sessions': count + 1,
        'GET /tenants': pagesOfTenants().length,
      });
      expect(listsOf(round.platform, tenants)).toEqual(new Array(count).fill(1));
      expect(canariesOf(round.platform).map((query) => query.get('pageSize'))).toEqual(['1']);
      expect(pagesOfTenants()).toEqual([...pagesOfTenants().keys()]);
      expect(pagesOfTenants().length).toBeLessThanOrEqual(2); // the second one brings nothing new
      expect(spent).toBeLessThanOrEqual(4);
    },
  );

  /** The numbers of the pages of tenants that were asked for. */
  function pagesOfTenants(): number[] {
    const asked = round.core.server.requests.filter(({ route }) => route === 'GET /tenants');
    return asked.map(({ query }) => Number(new URLSearchParams(query).get('page')));
  }

  async function tenantWithTwoWebhooks(): Promise<void> {
    round.addTenant('t1', { summarizes: true });
    await round.addWebhook('t1');
    await round.addWebhook('t1');
  }
});

function isPayload(value: unknown): value is { id: string } {
  return typeof value === 'object' && value !== null && 'participants' in value && 'messages' in value;
}
