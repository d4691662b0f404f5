import { channelOf, deliveryId, type DeliveryState } from '../../../src/completions/delivery.js';
import { deliveryTo, completionOf } from '../fixtures/completions.js';
import { HOUR_MS } from '../../support/time-machine.js';
import { waitFor } from '../../support/wait-for.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions, deliveryNow, deliveryWhen, HoldingReceiver } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';
import type { RedeliveryRequest } from '../../../src/completions/redelivery.schema.js';

jest.setTimeout(60_000);

const LONG_AGO = '2020-01-01T00:00:00Z';
const DISABLED = 'the integration is disabled: enable it first';

describe('redeliveries over REST', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('redeliveries', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** A session that hbf-core still has, with one delivery that ended or waits, an hour ago unless `at` says otherwise. */
  const lost = async (id: string, destination: string, state: DeliveryState, at = Date.now() - HOUR_MS) => {
    const dueAt = state === 'pending' ? { dueAt: new Date(Date.now() + HOUR_MS) } : {};
    const deliveries = [deliveryTo(destination, { state, attempts: 4, ...dueAt })];
    await round.completions.insertOne(completionOf(id, { foundAt: new Date(at), deliveries }));
    round.core.addSession({ tenantId: 't1', id, status: 'COMPLETED' });
    return deliveryId(id, destination);
  };

  /** Waits until the request is worked off and nothing of it is pending. */
  const ended = (id: string, path = '') =>
    waitFor(
      'the redelivery',
      async () => {
        const { body } = await admin.redelivery(id, path);
        return body.state === 'done' && body.pending === 0 ? body : undefined;
      },
      { timeoutMs: 45_000 },
    );

  it('brings thirty, each once: ten dead, ten that wait for an hour, ten that were cancelled', async () => {
    const receiver = await round.addWebhook('t1');
    for (let n = 0; n < 10; n++) {
      await lost(`dead-${n}`, 'webhook:1', 'dead');
      await lost(`wait-${n}`, 'webhook:1', 'pending');
      await lost(`ended-while-disabled-${n}`, 'webhook:1', 'cancelled');
    }
    const states = ['dead', 'cancelled', 'pending'];
    const counted = await admin.redeliver({ since: LONG_AGO, states, dryRun: true });
    expect([counted.status, counted.body]).toEqual([200, { matched: 30, skipped: 0 }]);
    expect(receiver.received).toEqual([]);
    const begun = await admin.redeliver({ since: LONG_AGO, states });
    expect([begun.status, begun.body]).toEqual([202, { id: expect.any(String), matched: 30, skipped: 0 }]);

    const redelivery = await ended(begun.body.id);
    expect(redelivery).toEqual({
      id: begun.body.id,
      by: 'admin-of-org-t1@example.com',
      at: expect.any(String),
      filter: { since: '2020-01-01T00:00:00.000Z', until: expect.any(String), states },
      state: 'done',
      matched: 30,
      skipped: 0,
      queued: 30,
      pending: 0,
      delivered: 30,
      dead: 0,
      cancelled: 0,
    });
    expect(receiver.accepted).toHaveLength(30);
    expect(new Set(receiver.accepted.map(({ webhookId }) => webhookId)).size).toBe(30);
    const { body } = await admin.delivery(1, 'wait-3');
    expect(body.redeliveries).toEqual([{ id: redelivery.id, at: redelivery.at, by: redelivery.by }]);
    expect((await admin.call('GET', '/redeliveries')).body).toEqual([redelivery]);
  });

  it('takes the dead and the cancelled ones of that time and integration unless told otherwise', async () => {
    const receiver = await round.addWebhook('t1');
    const other = await round.addWebhook('t1');
    const at = Date.now() - HOUR_MS;
    await lost('dead', 'webhook:1', 'dead', at);
    await lost('cancelled', 'webhook:1', 'cancelled', at);
    await lost('waits', 'webhook:1', 'pending', at);
    await lost('of-another', 'webhook:2', 'dead', at);
    await lost('earlier', 'webhook:1', 'dead', at - 2 * HOUR_MS);
    await lost('later', 'webhook:1', 'dead', at + HOUR_MS / 2);
    const since = new Date(at - HOUR_MS / 4).toISOString();
    const until = new Date(at + HOUR_MS / 4).toISOString();
    const { body } = await admin.redeliver({ since, until }, '/integrations/1');
    expect(body.matched).toBe(2);
    await ended(body.id, '/integrations/1');
    expect(receiver.accepted.map(({ sessionId }) => sessionId).sort()).toEqual(['cancelled', 'dead']);
    expect(other.received).toEqual([]);
    for (const id of ['earlier', 'later']) expect((await deliveryNow(round, id)).state).toBe('dead');
    expect((await deliveryNow(round, 'waits')).redeliveries).toBeUndefined();
  });

  it('are for flows, surveys and analyses as well', async () => {
    const flow = await lost('a', 'flow:t1', 'dead');
    await lost('b', 'surveys:t1', 'dead');
    await lost('c', 'analysis:t1', 'dead');
    const { body } = await admin.redeliver({ since: LONG_AGO, channel: 'flow' });
    expect(body.matched).toBe(1);
    await ended(body.id);
    expect(round.platform.publisher.triggersOf('a')).toHaveLength(1);
    const rest = await admin.redeliver({ since: LONG_AGO, tenantId: 't1' });
    expect((await ended(rest.body.id)).delivered).toBe(2);
    expect(channelOf(flow.split('~')[1]!)).toBe('flow');
    expect((await admin.redeliver({ ids: [flow] })).body).toMatchObject({ matched: 1 });
    await waitFor('the second trigger', () => round.platform.publisher.triggersOf('a').length === 2);
  });

  it('by ids are for these alone, whatever their state', async () => {
    const receiver = await round.addWebhook('t1');
    const ids = [await lost('a', 'webhook:1', 'delivered'), await lost('b', 'webhook:1', 'dead')];
    await lost('c', 'webhook:1', 'dead');
    const { status, body } = await admin.redeliver({ ids }, '/integrations/1');
    expect([status, body.matched]).toEqual([202, 2]);
    const { filter, delivered } = await ended(body.id, '/integrations/1');
    expect([filter, delivered]).toEqual([{ ids, integrationId: 1 }, 2]);
    expect(receiver.accepted.map(({ sessionId }) => sessionId).sort()).toEqual(['a', 'b']);
  });

  it('leave out disabled integrations and say so; where one is named it is 409', async () => {
    const receiver = await round.addWebhook('t1');
    await round.addWebhook('t1', { enabled: false });
    await lost('a', 'webhook:1', 'dead');
    const b = await lost('b', 'webhook:2', 'dead');
    await lost('c', 'webhook:99', 'dead');
    const body = { since: LONG_AGO };
    expect((await admin.redeliver({ ...body, dryRun: true })).body).toEqual({ matched: 1, skipped: 2 });
    for (const answer of [
      await admin.redeliver(body, '/integrations/2'),
      await admin.redeliver({ ids: [b] }, '/integrations/2'),
      await admin.redeliver({ ...body, integrationId: 2 }),
      await admin.redeliver({ ...body, integrationId: 2, dryRun: true }),
    ])
      expect([answer.status, answer.body.message]).toEqual([409, DISABLED]);
    const begun = await admin.redeliver(body);
    expect(begun.body).toMatchObject({ matched: 1, skipped: 2 });
    expect(await ended(begun.body.id)).toMatchObject({ queued: 1, delivered: 1, skipped: 2 });
    expect(receiver.accepted).toHaveLength(1);
    expect((await deliveryNow(round, 'b', 'webhook:2')).state).toBe('dead');
  });

  it('tell what died again apart', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 422 });
    await lost('a', 'webhook:1', 'dead');
    await lost('b', 'webhook:1', 'dead');
    const { body } = await admin.redeliver({ since: LONG_AGO });
    const { dead, delivered } = await ended(body.id);
    expect([dead, delivered]).toEqual([2, 0]);
  });

  it('go on where a process ended, and send none twice', async () => {
    const receiver = await round.addWebhook('t1');
    const ids = Array.from({ length: 420 }, (_, n) => `old-${String(n).padStart(3, '0')}`);
    await round.completions.insertMany(
      ids.map((id, n) => {
        const foundAt = new Date(Date.now() - HOUR_MS + Math.floor(n / 3));
        return completionOf(id, { foundAt, deliveries: [deliveryTo('webhook:1', { state: 'dead', attempts: 4 })] });
      }),
    );
    for (const id of ids) round.core.addSession({ tenantId: 't1', id, status: 'COMPLETED' });
    const { body } = await admin.redeliver({ since: LONG_AGO });
    await waitFor('the first step', async () => (await admin.redelivery(body.id)).body.queued >= 200);
    await round.restart();
    const redelivery = await ended(body.id);
    expect(redelivery).toMatchObject({ matched: 420, queued: 420, delivered: 420 });
    const sent = receiver.accepted.map(({ sessionId }) => sessionId);
    expect([sent.length, new Set(sent).size]).toEqual([420, 420]);
  });

  it('make at most fifty due in a second, however often others are asked for', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'hang' });
    const ids = Array.from({ length: 300 }, (_, n) => `old-${String(n).padStart(3, '0')}`);
    await round.completions.insertMany(
      ids.map((id) => completionOf(id, { deliveries: [deliveryTo('webhook:1', { state: 'dead', attempts: 4 })] })),
    );
    round.platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions/{id}', kind: 'hang' });
    const { body } = await admin.redeliver({ since: LONG_AGO });
    await waitFor('the first step', async () => (await admin.redelivery(body.id)).body.queued === 200);
    const other = (await admin.redeliver({ ids: [await lost('a', 'flow:t1', 'dead')] })).body;
    await waitFor('the other one', async () => (await admin.redelivery(other.id)).body.state === 'done');
    expect((await admin.redelivery(body.id)).body.queued).toBe(200);
    const due = (await round.completions.find({ open: true }).toArray())
      .flatMap(({ deliveries }) => deliveries)
      .filter(({ token, at, dueAt }) => !token && !at && dueAt!.getTime() > Date.now())
      .map(({ dueAt }) => dueAt!.getTime());
    const seconds = [...new Set(due)].sort((a, b) => a - b);
    for (const second of seconds) expect(due.filter((one) => one === second).length).toBeLessThanOrEqual(50);
    for (let i = 1; i < seconds.length; i++) expect(seconds[i]! - seconds[i - 1]!).toBe(1_000);
  });

  it('are three at a time of one organization, so that it keeps no other waiting', async () => {
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'hang' });
    const running = {
      by: 'ada',
      at: new Date(),
      state: 'running',
      matched: 1,
      skipped: 0,
      filter: { ids: [] },
    } as const;
    const requests = round.db.collection<RedeliveryRequest>('redeliveries');
    const id = await lost('a', 'webhook:1', 'dead');
    await requests.insertMany(['r1', 'r2', 'r3'].map((_id) => ({ ...running, _id, organizationId: 'org-t1' })));
    const { status, body } = await admin.redeliver({ ids: [id] });
    expect([status, body.message]).toEqual([
      409,
      '3 redeliveries are running: begin another one when one of them is done',
    ]);
    await requests.updateOne({ _id: 'r1' }, { $set: { state: 'done' } });
    expect((await admin.redeliver({ ids: [id] })).status).toBe(202);
  });

  it('wait for an attempt that was under way when its delivery was cancelled', async () => {
    const holding = await HoldingReceiver.start();
    await round.addWebhook('t1', { url: holding.url });
    const [sessionId] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await waitFor('the attempt', async () => holding.webhookIds.length === 1 && (await round.completions.findOne({ _id: sessionId }))); // prettier-ignore
    await admin.change(1, { enabled: false });
    await admin.change(1, { enabled: true });
    expect(await admin.redeliverAll({ since: LONG_AGO })).toBe(1);
    holding.release();
    await deliveryWhen(round, [sessionId, 'webhook:1'], ({ state }) => state === 'delivered');
    expect(holding.webhookIds).toHaveLength(1);
    await holding.stop();
  });

  const DATE = (name: string) => `${name}: must be an ISO 8601 date-time, such as 2026-11-20T08:00:00Z`;
  const REQUIRED = 'since: is required where no ids are given: an ISO 8601 date-time, such as 2026-11-20T08:00:00Z';
  it.each([
    { body: {}, says: [REQUIRED] },
    { body: { since: 5 }, says: [DATE('since')] },
    { body: { since: '2026-13-01T00:00:00Z', until: [] }, says: [DATE('since'), DATE('until')] },
    { body: { since: LONG_AGO, before: LONG_AGO }, says: ['before: is not a known property'] },
    { body: { since: LONG_AGO, until: LONG_AGO }, says: ['until: must be later than since'] },
    { body: { since: '2999-01-01T00:00:00Z' }, says: ['until: must be later than since'] },
    { body: { since: LONG_AGO, states: [] }, says: ['states: must hold at least one entry'] },
    { body: { since: LONG_AGO, states: ['delivered'] }, says: ['states: each entry must be one of dead, cancelled, pending'] }, // prettier-ignore
    { body: { since: LONG_AGO, channel: 'mail' }, says: ['channel: must be one of flow, surveys, analysis, webhook'] },
    { body: { since: LONG_AGO, dryRun: 'yes' }, says: ['dryRun: must be true or false'] },
    { body: { since: LONG_AGO, integrationId: 'x' }, says: ['integrationId: must be the number of an integration'] },
    { body: { since: LONG_AGO, integrationId: 1, tenantId: 't1' }, says: ['tenantId: must not be given together with integrationId; leave one of them out'] }, // prettier-ignore
    { body: { ids: [] }, says: ['ids: must hold 1 to 200 entries'] },
    { body: { ids: ['x'] }, says: ["ids: each entry (at 0) must be a delivery's id, as lists of deliveries tell it"] },
    { body: { ids: ['a~webhook:1'], integrationId: 1 }, says: ['integrationId: must not be given together with ids'] },
    { body: { ids: ['a~webhook:1'], since: LONG_AGO }, says: ['since: must not be given together with ids'] },
    {
      body: { ids: ['a~webhook:1'] },
      says: ['ids: must be deliveries of completed sessions here, unlike a~webhook:1'],
    },
  ])('are refused for $body', async ({ body, says }) => {
    await round.addWebhook('t1');
    const answer = await admin.redeliver(body);
    expect([answer.status, new Set(answer.body.message)]).toEqual([400, new Set(says)]);
  });

  it("are 404 for another organization's integration and redelivery", async () => {
    await round.addWebhook('t1');
    const id = await lost('a', 'webhook:1', 'dead');
    const { body } = await admin.redeliver({ ids: [id] });
    const other = new Admin(round, 'org-t2');
    const answers = [
      await other.redeliver({ since: LONG_AGO }, '/integrations/1'),
      await other.redelivery(body.id),
      await other.redelivery(body.id, '/integrations/1'),
      await other.redeliver({ since: LONG_AGO, integrationId: 1 }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect((await other.redeliver({ ids: [id] })).status).toBe(400);
    expect((await other.call('GET', '/redeliveries')).body).toEqual([]);
  });
});

describe("an organization's deliveries over REST", () => {
  let round: Round;
  let admin: Admin;

  beforeAll(async () => {
    round = await Round.start('organization-deliveries', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
    const receiver = await round.addWebhook('t1');
    receiver.behave({ kind: 'status', status: 503 });
    round.platform.fault({ service: 'hbf-event-publisher', kind: 'status', status: 400 });
  });

  afterAll(async () => {
    await round.stop();
  });

  const list = (query: Record<string, string>) =>
    admin.call<{ items: { id: string; channel: string; state: string }[]; nextCursor?: string }>(
      'GET',
      `/deliveries?${new URLSearchParams(query).toString()}`,
    );

  it('are listed over all channels, by state, channel, tenant, integration and session', async () => {
    const [sessionId] = addSessions(round, 't1', 1) as [string];
    await round.check();
    await round.allSettled();
    await deliveryWhen(round, [sessionId, 'flow:t1'], ({ state }) => state === 'dead');
    const flow = { id: `${sessionId}~flow:t1`, channel: 'flow', state: 'dead' };
    const webhook = { id: `${sessionId}~webhook:1`, channel: 'webhook', state: 'dead' };
    for (const [query, expected] of [
      [{ state: 'dead' }, [flow, webhook]],
      [{ state: 'dead', channel: 'flow' }, [flow]],
      [{ state: 'dead', tenantId: 't1' }, [flow, webhook]],
      [{ state: 'dead', tenantId: 't2' }, []],
      [{ integrationId: '1' }, [webhook]],
      [{ sessionId, channel: 'webhook' }, [webhook]],
      [{ sessionId, state: 'dead' }, [flow, webhook]],
      [{ state: 'pending' }, []],
    ] as const) {
      const { status, body } = await list(query);
      expect([status, body.items]).toEqual([200, expected.map((one) => expect.objectContaining(one) as unknown)]);
    }
    const first = await list({ state: 'dead', limit: '1' });
    const second = await list({ state: 'dead', limit: '1', cursor: first.body.nextCursor! });
    expect([first.body.items[0]!.id, second.body.items[0]!.id]).toEqual([flow.id, webhook.id]);
    expect(second.body.nextCursor).toBeUndefined();
    expect((await new Admin(round, 'org-t2').call<{ items: [] }>('GET', '/deliveries?state=dead')).body.items).toEqual(
      [],
    );
  });

  it.each([
    [{}, 'state: must be dead, pending or cancelled unless integrationId or sessionId is given'],
    [{ state: 'delivered' }, 'state: must be dead, pending or cancelled unless integrationId or sessionId is given'],
    [
      { state: 'dead', since: '2026-02-01T00:00:00Z', until: '2026-01-01T00:00:00Z' },
      'until: must be later than since',
    ],
    [{ integrationId: '1', tenantId: 't1' }, 'tenantId: must not be given together with integrationId; leave one of them out'], // prettier-ignore
    [{ integrationId: '1', channel: 'flow' }, 'channel: must be webhook, or left out, together with integrationId'],
    [{ integrationId: '0x1' }, 'integrationId: must be the number of an integration'],
  ])('are refused for %j, where no index serves it', async (query, says) => {
    const { status, body } = await admin.call('GET', `/deliveries?${new URLSearchParams(query).toString()}`);
    expect([status, body.message]).toEqual([400, [says]]);
  });
});
