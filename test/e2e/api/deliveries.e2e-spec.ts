import type { Completion } from '../../../src/completions/completion.js';
import { webhookDestination } from '../../../src/completions/delivery.js';
import { cursorOf } from '../../../src/api/cursor.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions } from '../fixtures/deliveries.js';
import { completionOf, deliveryTo } from '../fixtures/completions.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const START = Date.UTC(2026, 0, 1);

/** A delivery of integration 1 that was settled long ago. */
function settled(n: number, more: Partial<Completion> = {}): Completion {
  const at = new Date(START + Math.floor(n / 3) * HOUR_MS); // three at the same time: a check finds many at once
  const id = `old-${String(n).padStart(3, '0')}`;
  const state = n % 5 === 0 ? 'dead' : 'delivered';
  const log = [{ at, result: 'delivered' as const, statusCode: 200, durationMs: 5 }];
  const delivery = deliveryTo(webhookDestination(1), { state, attempts: 1, at, log });
  const deliveries = [deliveryTo('flow:t1', { state: 'delivered' }), { ...delivery, log: [...log] }];
  return completionOf(id, { foundAt: at, deliveries, ...more });
}

const completionsOf = (items: { id: string }[]) => items.map(({ id }) => id.replace(/~webhook:1$/, ''));

describe("an integration's deliveries over REST", () => {
  let round: Round;
  let admin: Admin;

  beforeAll(async () => {
    round = await Round.start('deliveries-api', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
    await round.addWebhook('t1');
  });

  beforeEach(() => round.completions.deleteMany({}));

  afterAll(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const insert = (...all: Completion[]) => round.completions.insertMany(all);
  const many = (count: number) => Array.from({ length: count }, (_, n) => settled(n));
  const listed = async (query: Record<string, string>) => {
    const { status, body } = await admin.deliveries(1, query);
    expect([status, body]).toEqual([200, expect.anything()]);
    return completionsOf(body.items);
  };

  it('are an empty page before the first', async () => {
    expect(await admin.deliveries(1)).toMatchObject({ status: 200, body: { items: [] } });
    expect((await admin.deliveries(1)).body).not.toHaveProperty('nextCursor');
  });

  it('are shown with their attempts', async () => {
    const [sessionId] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await round.allSettled();
    const expected = {
      id: `${sessionId}~webhook:1`,
      channel: 'webhook',
      organizationId: 'org-t1',
      sessionId,
      revision: 1,
      tenantId: 't1',
      webhookId: `${sessionId}:1`,
      foundAt: expect.any(String),
      destination: 'webhook:1',
      state: 'delivered',
      attempts: 1,
      lastStatus: 200,
      lastAttemptAt: expect.any(String),
      log: [{ at: expect.any(String), result: 'delivered', statusCode: 200, durationMs: expect.any(Number) }],
      circuit: expect.objectContaining({ state: 'closed', failures: 0 }),
    };
    expect((await admin.deliveries(1)).body).toEqual({ items: [expected] });
    expect((await admin.delivery(1, sessionId)).body).toEqual(expected);
  });

  it('come newest first, in pages that neither repeat nor skip while new ones come in', async () => {
    await insert(...many(40));
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page === 0 || cursor; page++) {
      const { body } = await admin.deliveries(1, { limit: '7', ...(cursor ? { cursor } : {}) });
      seen.push(...completionsOf(body.items));
      cursor = body.nextCursor;
      await insert(settled(100 + page)); // newer than any
    }
    expect(seen).toEqual(many(40).map(({ _id }) => _id).reverse()); // prettier-ignore
  });

  it('end without a cursor when the last page is exactly full', async () => {
    await insert(...many(4));
    const first = await admin.deliveries(1, { limit: '2' });
    const second = await admin.deliveries(1, { limit: '2', cursor: first.body.nextCursor! });
    expect(completionsOf(second.body.items)).toEqual(['old-001', 'old-000']);
    expect(second.body.nextCursor).toBeUndefined();
  });

  it('are filtered by state, session and time, also by all three together', async () => {
    await insert(...many(20), settled(3, { _id: 'old-003:2', revision: 2 }));
    const at = (hours: number) => new Date(START + hours * HOUR_MS).toISOString();
    expect(await listed({ state: 'dead' })).toEqual(['old-015', 'old-010', 'old-005', 'old-000']);
    expect(await listed({ state: 'pending' })).toEqual([]);
    expect(await listed({ sessionId: 'old-003' })).toEqual(['old-003:2', 'old-003']);
    expect(await listed({ since: at(6) })).toEqual(['old-019', 'old-018']);
    expect(await listed({ until: at(1) })).toEqual(['old-002', 'old-001', 'old-000']);
    expect(await listed({ since: at(1), until: at(4), state: 'dead' })).toEqual(['old-010', 'old-005']);
    const cursor = cursorOf({ foundAt: new Date(START + 3 * HOUR_MS), _id: 'old-010', destination: 'webhook:1' });
    expect(await listed({ state: 'dead', since: at(1), until: at(6), cursor })).toEqual(['old-005']);
  });

  it('come fifty at a time unless asked for 1 to 200', async () => {
    await insert(...many(230));
    expect(await listed({})).toHaveLength(50);
    expect(await listed({ limit: '1' })).toHaveLength(1);
    expect(await listed({ limit: '200' })).toHaveLength(200);
  });

  const LIMIT = 'limit: must be a whole number from 1 to 200';
  const CURSOR = 'cursor: must be the nextCursor of the page before';
  const date = (name: string) => `${name}: must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z`;
  it.each([
    { query: 'limit=0', says: [LIMIT] },
    { query: 'limit=201', says: [LIMIT] },
    { query: 'limit=', says: [LIMIT] },
    { query: 'limit=1.5', says: [LIMIT] },
    { query: 'limit=ten', says: [LIMIT] },
    { query: 'limit=1&limit=2', says: [LIMIT] },
    { query: 'state=failed', says: ['state: must be one of pending, delivered, dead, cancelled'] },
    { query: 'state[$ne]=dead', says: ['state[$ne]: is not a known property'] },
    { query: 'sessionId=a&sessionId=b', says: ['sessionId: must be the id of a session'] },
    { query: 'sessionId='.padEnd(267, 'x'), says: ['sessionId: must have at most 256 characters'] },
    { query: 'since=yesterday', says: [date('since')] },
    { query: 'since=2026-02-30T00:00:00Z', says: [date('since')] },
    { query: 'until=2026-W47-5', says: [date('until')] },
    { query: 'until=', says: [date('until')] },
    { query: 'cursor=abc', says: [CURSOR] },
    { query: `cursor=${Buffer.from('[9007199254740991,"a","b"]').toString('base64url')}`, says: [CURSOR] },
    { query: `cursor=${Buffer.from('[1,{"$gt":""}]').toString('base64url')}`, says: [CURSOR] },
    { query: 'page=2', says: ['page: is not a known property'] },
  ])('are refused for %#: $says', async ({ query, says }) => {
    const answer = await admin.call('GET', `/integrations/1/deliveries?${query}`);
    expect([answer.status, answer.body.message]).toEqual([400, says]);
  });

  it('are refused with every violation in one answer', async () => {
    const query = 'limit=0&state=x&since=x&until=x&cursor=x&page=1';
    const { status, body } = await admin.call('GET', `/integrations/1/deliveries?${query}`);
    const names = (body.message as string[]).map((line) => line.split(':')[0]).sort();
    expect([status, names]).toEqual([400, ['cursor', 'limit', 'page', 'since', 'state', 'until']]);
  });

  it("are 404 for an integration that is unknown or another organization's", async () => {
    await insert(settled(1));
    const other = new Admin(round, 'org-t2');
    for (const [who, id] of [
      [other, 1],
      [admin, 99],
    ] as const) {
      // prettier-ignore
      const answers = [
        await who.deliveries(id),
        await who.delivery(id, 'old-001'),
        await who.retry(id, 'old-001'),
        await who.redeliver({ since: '2026-01-01T00:00:00Z' }, `/integrations/${id}`),
        await who.errors(id),
      ];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    }
    expect((await other.call('GET', '/integrations/1/deliveries/old-001')).text).not.toContain('t1');
  });

  it.each(['nobody', 'old-001:2', 'a/b', '../..', '%00', '$where', 'x'.repeat(300), 'é☃', '..%2f'])(
    'are 404 for the unknown id %s',
    async (id) => {
      await insert(settled(1));
      expect((await admin.delivery(1, id)).status).toBe(404);
      expect((await admin.retry(1, id)).status).toBe(404);
      expect((await admin.session(id)).status).toBe(404);
    },
  );

  it('are found under ids with odd characters', async () => {
    const ids = ['s 1', 'a/b', 'é☃', 'x:2', '$set', '100%'];
    await insert(...ids.map((id, n) => settled(n, { _id: id, sessionId: id })));
    for (const id of ids) {
      expect((await admin.delivery(1, id)).body).toMatchObject({ id: `${id}~webhook:1`, sessionId: id });
      expect(await listed({ sessionId: id })).toEqual([id]);
      expect((await admin.session(id)).body.sessionId).toBe(id);
    }
  });

  it.each(['abc', '1.5', '-1', '0x1', '1e3', '9'.repeat(17), '0', '007'])(
    'are 400 for the integration %s',
    async (id) => {
      const { status, body } = await admin.call('GET', `/integrations/${id}/deliveries`);
      expect([status, body.message]).toEqual([400, ['integrationId: must be a whole number']]);
    },
  );

  it('are a 4xx, not a 500, for a path that cannot be decoded', async () => {
    expect((await admin.call('GET', '/integrations/1/deliveries/%E0%A4%A')).status).toBe(400);
  });
});
