import type { Completion } from '../../../src/completions/completion.js';
import type { IntegrationDocument } from '../../../src/integrations/integration.schema.js';
import { plantedSecretsIn } from '../../world/planted-secrets.js';
import { NOWHERE } from '../../support/ports.js';
import { Admin } from '../fixtures/admin.js';
import { addSessions, deliveryWhen } from '../fixtures/deliveries.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const HEADER_SECRET = 'PLANTED-header-value';
const QUERY_SECRET = 'PLANTED-query-value';

describe('the history of a session, over REST', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('deliveries-api-session', { API_RATE_LIMIT_PER_MIN: '1000000' });
    round.addTenant('t1', { summarizes: true });
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  describe('of an ended session', () => {
    it('tells when the session was found, by which rule, when it was completed, and the state of each delivery', async () => {
      const failing = await round.addWebhook('t1');
      failing.behave({ kind: 'status', status: 503, headers: { 'retry-after': '3600' } });
      const lastInteraction = new Date(Date.now() - 1_200_000);
      const sessionId = round.addSession('t1', 0, { lastInteraction });
      const before = Date.now();
      await round.check();
      await deliveryWhen(round, [sessionId, 'webhook:1'], ({ attempts, token }) => attempts === 1 && !token);
      await deliveryWhen(round, [sessionId, 'analysis:t1'], ({ state }) => state === 'delivered');

      const { status, body } = await admin.session(sessionId);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        sessionId,
        completions: [
          {
            revision: 1,
            tenantId: 't1',
            state: 'completed',
            rule: 'tenant-threshold',
            thresholdSeconds: 600,
            lastInteraction: lastInteraction.toISOString(),
            dueAt: new Date(lastInteraction.getTime() + 600_000).toISOString(),
            leftOut: [],
          },
        ],
      });
      const [end] = body.completions;
      expect(Date.parse(end!.foundAt)).toBeGreaterThanOrEqual(before - 1_000); // two clocks
      expect(Date.parse(end!.completedAt!)).toBeGreaterThanOrEqual(Date.parse(end!.foundAt));
      expect(end!.destinations).toMatchObject([
        { destination: 'flow:t1', state: 'delivered', attempts: 1 },
        { destination: 'surveys:t1', state: 'delivered', attempts: 1 },
        { destination: 'analysis:t1', state: 'delivered', attempts: 1 },
        {
          destination: 'webhook:1',
          state: 'pending',
          attempts: 1,
          lastStatus: 503,
          nextAttemptAt: expect.any(String),
          log: [{ result: 'failed', statusCode: 503, code: 'http_503' }],
        },
      ]);
    });

    it('tells when a live chat had lasted too long', async () => {
      const fields = { liveChats: [{ liveChatEventType: 'LIVECHAT_REQUEST_ACCEPTED' }] };
      const sessionId = round.addSession('t1', 1_500, { fields });
      await round.check();
      const [end] = (await admin.session(sessionId)).body.completions;
      const dueAt = new Date(Date.parse(end!.lastInteraction) + 1_440 * 60_000).toISOString();
      expect(end).toMatchObject({ rule: 'live-chat-max-idle', dueAt });
    });

    it('has one entry for each time the session ended', async () => {
      const receiver = await round.addWebhook('t1');
      const sessionId = round.addSession('t1', 20);
      await round.check();
      await round.allSettled();
      round.core.touch(sessionId, new Date(Date.now() - 900_000));
      await round.db.collection('leases').deleteMany({});
      await round.check();
      await round.allSettled();
      const { body } = await admin.session(sessionId);
      expect(body).not.toHaveProperty('outlook');
      expect(body.completions.map(({ revision, state }) => [revision, state])).toEqual([[1, 'completed'], [2, 'completed']]); // prettier-ignore
      expect(receiver.received.map(({ webhookId }) => webhookId)).toEqual([`${sessionId}:1`, `${sessionId}:2:1`]);
      expect((await admin.delivery(1, `${sessionId}:2`)).body).toMatchObject({ revision: 2, sessionId });
    });

    it('tells which integrations were left out and why, and nothing of other organizations', async () => {
      round.addTenant('t2', { organizationId: 'org-t1' });
      round.addTenant('foreign');
      await round.addWebhook('t1');
      await round.addWebhook('t1', { enabled: false });
      await round.addWebhook('t1', { tenants: ['t2'] });
      await round.addWebhook('foreign', { tenants: ['foreign', 't1'] });
      const sessionId = round.addSession('t1', 20);
      await round.check();
      await round.allSettled();
      await round.addWebhook('t1');
      const { body, text } = await admin.session(sessionId);
      expect(body.completions[0]!.destinations.slice(3)).toMatchObject([
        { destination: 'webhook:1', state: 'delivered' },
        { destination: 'webhook:2', state: 'cancelled', reason: expect.stringMatching(/disabled/), attempts: 0 },
      ]);
      expect(body.completions[0]!.leftOut).toEqual([
        { integrationId: 3, reason: 'it does not list the tenant' },
        { integrationId: 5, reason: 'it was created after the session had ended' },
      ]);
      expect(text).not.toMatch(/"integrationId":4|webhook:4|org-foreign/);
      expect(await new Admin(round, 'org-foreign').session(sessionId)).toMatchObject({ status: 404 });
    });
  });

  describe('of the errors of an integration', () => {
    it('has one entry per failed attempt, newest first, and marks the last one of a dead delivery', async () => {
      const receiver = await round.addWebhook('t1');
      receiver.behave((_reception, n) =>
        // the second attempt: on the kept connection, and on a fresh one
        n === 2 || n === 3 ? { kind: 'reset' } : { kind: 'status', status: 500, body: 'what the endpoint says' },
      );
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      await round.check();
      await round.allSettled();
      const { status, body } = await admin.errors(1);
      const common = { integrationId: 1, sessionId, tenantId: 't1', at: expect.any(String), durationMs: expect.any(Number), message: expect.stringMatching(/\w/) }; // prettier-ignore
      const error = (attempt: number, more: object) => ({ ...common, id: expect.any(String), attempt, ...more });
      const nextAttemptAt = expect.any(String) as string;
      expect(status).toBe(200);
      expect(body).toEqual([
        error(4, { statusCode: 500, code: 'http_500', dead: true }),
        error(3, { statusCode: 500, code: 'http_500', dead: false, nextAttemptAt }),
        error(2, { code: 'ECONNRESET', dead: false, nextAttemptAt }),
        error(1, { statusCode: 500, code: 'http_500', dead: false, nextAttemptAt }),
      ]);
      expect(new Set(body.map(({ id }) => id)).size).toBe(4);
      for (const { at, nextAttemptAt: next } of body.slice(1))
        expect(Date.parse(next!)).toBeGreaterThan(Date.parse(at));
    });

    it('shows no payload, no header value, no query of the URL, no token', async () => {
      const receiver = await round.addWebhook('t1');
      const url = `${receiver.url}?token=${QUERY_SECRET}`;
      await round.db.collection<IntegrationDocument>('integrations').updateOne({ _id: 1 }, { $set: { url } });
      await round.addWebhook('t1', {
        headers: { 'x-api-key': HEADER_SECRET },
        url: `${NOWHERE}/?k=${QUERY_SECRET}`,
      });
      receiver.behave(({ raw }, n) => [{ kind: 'status', status: 500, body: raw } as const, { kind: 'reset' } as const][n % 2]!); // prettier-ignore
      const [sessionId] = addSessions(round, 't1', 1) as [string];
      const words = round.core.session(sessionId).messages.map(({ message }) => message).filter((one) => one.length > 12); // prettier-ignore
      await round.check();
      await round.allSettled();
      const answers = [await admin.errors(1), await admin.errors(2), await admin.deliveries(1), await admin.deliveries(2), await admin.session(sessionId)]; // prettier-ignore
      const text = answers.map((answer) => answer.text).join();
      expect(text).toContain(sessionId);
      expect(words.length).toBeGreaterThan(0);
      for (const secret of [...words, HEADER_SECRET, QUERY_SECRET, admin.token]) expect(text).not.toContain(secret);
      expect(plantedSecretsIn(text)).toEqual([]);
    });

    it('is empty while nothing failed', async () => {
      await round.addWebhook('t1');
      addSessions(round, 't1', 1);
      await round.check();
      const all: Map<string, Completion> = await round.allSettled();
      expect(all.size).toBe(1);
      expect(await admin.errors(1)).toMatchObject({ status: 200, body: [] });
    });
  });
});
