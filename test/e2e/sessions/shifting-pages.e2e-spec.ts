import type { CoreSwitches } from '../../world/platform/core-routes.js';
import type { WebhookReceiver } from '../../world/receivers/webhook-receiver.js';
import { Round } from '../fixtures/round.js';

const PAGE_SIZE = 50;
const CHECKS_AT_MOST = 40;

jest.setTimeout(30_000); // a busy machine must not fail it

describe('very many sessions of one tenant, in pages that shift while sessions are completed', () => {
  let round: Round;
  let receiver: WebhookReceiver;
  let held: Set<string>;

  beforeEach(async () => {
    round = await Round.start('session-check-shifting', {
      SESSION_PAGE_SIZE: String(PAGE_SIZE),
      DELIVERY_MAX_CONCURRENCY_PER_DESTINATION: '32',
    });
    round.addTenant('t1');
    receiver = await round.addWebhook('t1');
    held = new Set();
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** Every seventh is held by a live chat, and so are sixty in a row: more than one page. */
  function addSessions(count: number): void {
    for (let n = 0; n < count; n++) {
      const holds = n % 7 === 0 || (n >= 100 && n < 160);
      const conversation = { messages: 2, ...(holds ? { liveChat: 'exchanged' as const } : {}) };
      const id = round.addSession('t1', 20, { conversation });
      if (holds) held.add(id);
    }
  }

  async function checkUntilDone(): Promise<number> {
    for (let checks = 1; checks <= CHECKS_AT_MOST; checks++) {
      await round.check();
      if (round.core.activeCount === held.size) return checks;
    }
    throw new Error(`${round.core.activeCount - held.size} sessions were never completed`);
  }

  const variants: [number, CoreSwitches['sessionList'], CoreSwitches['sessionOrder']][] = [
    [1_000, 'paged', 'arrival'],
    [1_000, 'array', 'shuffled'],
    [300, 'paged', 'shuffled'],
    [300, 'array', 'reverse'],
  ];

  it.each(variants)(
    'are completed and sent exactly once each (%i, %s, %s)',
    async (count, sessionList, sessionOrder) => {
      Object.assign(round.core.switches, { sessionList, sessionOrder });
      addSessions(count);
      const checks = await checkUntilDone();
      if (sessionOrder !== 'shuffled') expect(checks).toBe(1);
      const completions = await round.allSettled(20_000);

      const ended = [...round.core.sessions.keys()].filter((id) => !held.has(id)).sort();
      expect([...completions.keys()].sort()).toEqual(ended);
      expect([...round.core.completed.keys()].sort()).toEqual(ended);
      expect([...round.core.completed.values()].filter(({ count }) => count !== 1)).toEqual([]);
      expect(receiver.received.map(({ sessionId }) => sessionId).sort()).toEqual(ended);
      expect(new Set(receiver.received.map(({ webhookId }) => webhookId)).size).toBe(ended.length);
      expect(round.platform.publisher.triggers.map(({ id }) => id).sort()).toEqual(ended);
      for (const { deliveries } of completions.values()) {
        expect(deliveries.map(({ state }) => state)).toEqual(deliveries.map(() => 'delivered'));
      }
    },
  );

  it('are read page by page', async () => {
    addSessions(300);
    await round.check();
    const lists = round.core.server.requests.filter(
      ({ route, query }) => route === 'GET /chat-sessions' && query.includes('tenantId=t1'),
    );
    const sizes = lists.map(({ query }) => Number(new URLSearchParams(query).get('pageSize')));
    expect(new Set(sizes)).toEqual(new Set([PAGE_SIZE]));
    expect(round.core.server.peak('GET /chat-sessions')).toBe(1);
  });
});
