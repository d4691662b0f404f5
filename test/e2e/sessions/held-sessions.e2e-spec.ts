import { MINUTE_MS } from '../../support/time-machine.js';
import { activeIds, addTenants, canariesOf, checked, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const LISTS = 'GET /chat-sessions';
const READ = 'GET /chat-sessions/{id}';
const DAY_MINUTES = 1440;

describe('a tenant with sessions that are held by a live chat', () => {
  let round: Round;
  let held: string[];

  beforeEach(async () => {
    round = await Round.start('held-sessions');
    addTenants(round, 2);
    held = [20, 30, 40].map((idle) => round.addSession('t1', idle, { liveChats: openLiveChat() })).sort();
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  function openLiveChat(more: Record<string, unknown> = {}) {
    return [{ liveChatEventType: 'LIVECHAT_STARTED', agents: [], ...more }];
  }

  /** The lists that t1 was asked for: `light` without messages, or `whole`. */
  const lists = () =>
    round.core.server.requests
      .filter(({ route }) => route === LISTS)
      .map(({ query }) => new URLSearchParams(query))
      .filter((query) => query.get('tenantId') === 't1')
      .map((query) => (query.get('includeMessages') === 'true' ? 'whole' : 'light'));

  it('is listed light, and nothing else is asked for it while nothing ends', async () => {
    expect(await checked(round)).toMatchObject({ held: 3, completed: 0 });
    for (let check = 0; check < 3; check++) {
      round.core.server.resetCounters();
      expect(await checked(round)).toMatchObject({ held: 3, completed: 0 });
      expect(lists()).toEqual(['light']);
      expect(round.core.server.count(READ)).toBe(0);
    }
    expect(activeIds(round.platform)).toEqual(held);
  });

  it('is listed light, and each session that ended is read by its id once', async () => {
    await checked(round);
    const ended = [20, 21].map((idle) => round.addSession('t1', idle));
    round.core.server.resetCounters();
    expect(await checked(round)).toMatchObject({ held: 3, completed: 2 });
    await triggeredOnce(round.platform, ended);
    expect(lists()).toEqual(['light', 'light']); // the page has shifted: what stays on it now is looked at once more
    const reads = round.core.server.requests.filter(({ route }) => route === READ);
    expect(reads.map(({ path }) => path.split('/').at(-1)).sort()).toEqual([...ended].sort());
    expect(canariesOf(round.platform)).toHaveLength(1);
    expect(activeIds(round.platform)).toEqual(held);
  });

  it('is noted with the time since when each is held, until it is held no more', async () => {
    const noted = () => round.db.collection<{ _id: string }>('held-sessions').find({}).sort({ _id: 1 }).toArray();
    await checked(round);
    const first = await noted();
    expect(first.map(({ _id }) => _id)).toEqual(held);
    expect(first[0]).toEqual({ _id: held[0], tenantId: 't1', heldBy: 'live-chat-open', since: expect.any(Date) });
    await checked(round);
    expect(await noted()).toEqual(first);
    round.core.session(held[0]!).liveChats = [];
    round.core.touch(held[1]!);
    await checked(round);
    expect(await noted()).toEqual(first.slice(2));
  });

  it('has its session completed by the next check when the live chat is closed', async () => {
    await checked(round);
    round.core.session(held[0]!).liveChats = openLiveChat({ liveChatEventType: 'LIVECHAT_TERMINATED' });
    expect(await checked(round)).toMatchObject({ held: 2, completed: 1 });
    await triggeredOnce(round.platform, [held[0]!]);
  });

  it.each(['updatedAt', 'lastEndUserMessageAt'])(
    'holds a session for a live chat whose `%s` is recent',
    async (field) => {
      const liveChats = openLiveChat({ [field]: new Date(Date.now() - MINUTE_MS).toISOString() });
      const alive = round.addSession('t1', DAY_MINUTES + 60, { liveChats });
      const forgotten = round.addSession('t1', DAY_MINUTES + 60, { liveChats: openLiveChat() });
      expect(await checked(round)).toMatchObject({ held: 4, completed: 1 });
      expect(activeIds(round.platform)).toEqual([alive, ...held].sort());
      await triggeredOnce(round.platform, [forgotten]);
    },
  );
});
