import { MINUTE_MS } from '../../support/time-machine.js';
import { plantedSecretsIn } from '../../world/planted-secrets.js';
import { Admin } from '../fixtures/admin.js';
import { Round } from '../fixtures/round.js';

jest.setTimeout(30_000);

const READ = 'GET /chat-sessions/{id}';
const OPEN_CHAT = { liveChats: [{ liveChatEventType: 'LIVECHAT_STARTED' }] };
const DAY_MINUTES = 1440;

describe('the outlook of a session, over REST', () => {
  let round: Round;
  let admin: Admin;

  beforeEach(async () => {
    round = await Round.start('session-outlook', {
      API_RATE_LIMIT_PER_MIN: '1000000',
      LIVE_CHAT_MAX_IDLE_IN_MINS: '1440',
      SESSION_SERVICE_REQUEST_TIMEOUT: '2000',
    });
    round.addTenant('t1');
    admin = new Admin(round, 'org-t1');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** The session's last interaction as hbf-core tells it, and minutes later. */
  const times = (sessionId: string, minutes: number) => {
    const { lastInteraction } = round.core.session(sessionId);
    return [lastInteraction, lastInteraction + minutes * MINUTE_MS].map((time) => new Date(time).toISOString());
  };

  async function outlook(sessionId: string) {
    const { status, body } = await admin.session(sessionId);
    expect(status).toBe(200);
    return body.outlook;
  }

  const fault = (route: string, status: number) =>
    round.platform.fault({ service: 'hbf-core', route, kind: 'status', status });

  describe('tells of an open session', () => {
    it('when it ends, by which rule', async () => {
      round.addTenant('t2', { organizationId: 'org-t1', expireAfterSeconds: undefined });
      const own = round.addSession('t1', 4);
      const byDefault = round.addSession('t2', 20);
      await round.check();
      const [lastInteraction, endsAt] = times(own, 10);
      expect(await admin.session(own)).toMatchObject({
        status: 200,
        body: {
          sessionId: own,
          completions: [],
          outlook: { lastInteraction, thresholdSeconds: 600, rule: 'tenant-threshold', decision: 'active', endsAt },
        },
      });
      expect(await outlook(byDefault)).toEqual({
        lastInteraction: times(byDefault, 0)[0],
        thresholdSeconds: 1800,
        rule: 'default-threshold',
        decision: 'active',
        endsAt: times(byDefault, 30)[1],
      });
    });

    it('that the next check completes it', async () => {
      const id = round.addSession('t1', 20);
      expect(await outlook(id)).toMatchObject({ decision: 'due', rule: 'tenant-threshold', endsAt: times(id, 10)[1] });
      await round.check();
      await round.allSettled();
      const { body } = await admin.session(id);
      expect([body.completions.length, body.outlook]).toEqual([1, undefined]);
    });

    it('that a live chat holds it, and until when at the latest', async () => {
      const add = (idle: number) => round.addSession('t1', idle, { fields: OPEN_CHAT });
      const [held, early, tooLong] = [add(20), add(5), add(DAY_MINUTES + 1)];
      const rule = 'live-chat-max-idle';
      expect(await outlook(tooLong)).toMatchObject({ decision: 'due', rule });
      const shown = await outlook(held);
      expect(shown).toMatchObject({ decision: 'held', heldBy: 'live-chat-open', rule, endsAt: times(held, DAY_MINUTES)[1] }); // prettier-ignore
      expect(shown).not.toHaveProperty('heldSince'); // no check has found it yet
      await round.check();
      expect(Date.parse((await outlook(held))!.heldSince!)).toBeGreaterThan(Date.now() - 5_000);
      expect(await outlook(early)).toMatchObject({ decision: 'active', rule, endsAt: times(early, DAY_MINUTES)[1] });
    });

    it('that it is in quarantine, and since when', async () => {
      const refused = round.addSession('t1', 20);
      round.addSession('t1', 20); // hbf-core completes this one: so it is the other that it refuses
      round.core.poison(refused);
      const before = Date.now();
      await round.check();
      const shown = await outlook(refused);
      expect(shown).toMatchObject({ decision: 'held', heldBy: 'quarantined', thresholdSeconds: 600 });
      expect(shown).not.toHaveProperty('endsAt');
      expect(Date.parse(shown!.heldSince!)).toBeGreaterThanOrEqual(before - 1_000); // two clocks
      await round.age(61 * MINUTE_MS);
      expect(await outlook(refused)).toMatchObject({ decision: 'due' });
    });

    it('that its last interaction cannot be true', async () => {
      const id = round.addSession('t1', 20, { fields: { lastInteraction: 0 } });
      expect(await outlook(id)).toMatchObject({ decision: 'held', heldBy: 'quarantined' });
    });

    it('beside what it was completed with before', async () => {
      await round.addWebhook('t1');
      const id = round.addSession('t1', 20);
      await round.check();
      await round.allSettled();
      round.core.touch(id);
      const { body } = await admin.session(id);
      expect(body.completions.map(({ revision, state }) => [revision, state])).toEqual([[1, 'completed']]);
      expect(body.outlook).toMatchObject({ decision: 'active', endsAt: times(id, 10)[1] });
    });

    it('with one call to hbf-core, and nothing secret', async () => {
      const id = round.addSession('t1', 4);
      await round.check();
      await admin.integration(1); // hbf-core is asked who the caller is
      round.core.server.resetCounters();
      const { text } = await admin.session(id);
      expect(round.core.server.requests.map(({ route }) => route)).toEqual([READ]);
      expect(round.core.server.requests[0]!.query).toContain('includeMessages=false');
      expect(plantedSecretsIn(text)).toEqual([]);
    });
  });

  it('agrees with the check and the dry run at every age', async () => {
    const minutes = [1, 9, 11, 50, DAY_MINUTES - 1, DAY_MINUTES + 1];
    const ids = minutes.flatMap((idle) => [undefined, OPEN_CHAT].map((fields) => round.addSession('t1', idle, { fields }))); // prettier-ignore
    const said: Record<string, string[]> = { active: [], due: [], held: [] };
    for (const id of ids) said[(await outlook(id))!.decision]!.push(id);
    const preview = await admin.call<Record<'complete' | 'held', { sessions: { sessionId: string }[] }>>('POST', '/dry-run'); // prettier-ignore
    const idsOf = (list: 'complete' | 'held') => preview.body[list].sessions.map(({ sessionId }) => sessionId).sort();
    expect([idsOf('complete'), idsOf('held')]).toEqual([said['due']!.sort(), said['held']!.sort()]);
    expect(await round.check()).toMatchObject({ completed: said['due']!.length, held: said['held']!.length });
    for (const id of ids) {
      const status = said['due']!.includes(id) ? 'COMPLETED' : 'ACTIVE';
      expect(round.core.session(id).status).toBe(status);
    }
  });

  it('is absent for a session that others completed, of which nothing is recorded', async () => {
    const id = round.addSession('t1', 4);
    round.core.session(id).status = 'COMPLETED';
    expect((await admin.session(id)).body).toEqual({ sessionId: id, completions: [] });
  });

  describe('is 404', () => {
    it("for a session that neither side knows and, in the same words, for another organization's", async () => {
      round.addTenant('foreign');
      const foreign = round.addSession('foreign', 4);
      const ids = [foreign, 'nobody-knows-it', 'a/../b', 'x'.repeat(300)];
      const answers = [];
      for (const id of ids) answers.push(await admin.session(id));
      expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 404));
      const messages = answers.map(({ body }) => (body as unknown as { message: string }).message);
      expect(new Set(messages).size).toBe(1);
      expect(messages[0]).toMatch(/neither this service nor hbf-core/);
      expect(await new Admin(round, 'org-foreign').session(foreign)).toMatchObject({ status: 200 });
    });

    it('for one whose tenant hbf-core lists for nobody', async () => {
      round.addTenant('gone');
      const id = round.addSession('gone', 4);
      await round.check();
      const tenant = { ...round.core.tenant('gone') };
      round.core.removeTenant('gone');
      round.core.session(id).fields = { tenant };
      await round.check();
      expect((await admin.session(id)).status).toBe(404);
      expect((await new Admin(round, 'org-gone').session(id)).status).toBe(404);
    });
  });

  describe('while hbf-core does not tell', () => {
    let completed: string;
    let open: string;

    beforeEach(async () => {
      completed = round.addSession('t1', 20);
      open = round.addSession('t1', 4);
      await round.check();
      await round.allSettled();
      await admin.session(completed);
    });

    async function expectRecordOnly(): Promise<void> {
      const { status, body } = await admin.session(completed);
      expect([status, body.completions.length, body.outlook]).toEqual([200, 1, undefined]);
      expect(await admin.session(open)).toMatchObject({
        status: 503,
        body: { message: expect.stringMatching(/hbf-core .*try again later/) },
      });
    }

    it.each([500, 503, 403, 429])('but answers %i: what is recorded is answered, else 503', async (status) => {
      fault(READ, status);
      round.core.touch(completed);
      await expectRecordOnly();
    });

    it('but hangs: it is asked once, for the time of one call', async () => {
      round.platform.fault({ service: 'hbf-core', route: READ, kind: 'hang' });
      round.core.server.resetCounters();
      await expectRecordOnly();
      expect(round.core.server.count(READ)).toBe(2); // for two sessions
    });

    it.each([404, 410])('but answers %i to everything: what is recorded is answered, else 503', async (status) => {
      await round.restart(); // nothing was seen of hbf-core yet
      await admin.integration(1);
      fault(READ, status);
      fault('GET /tenants', status);
      await expectRecordOnly();
    });

    it.each([
      ['another session', () => ({ id: 'another' })],
      ['what is no session', () => ({ id: open, lastInteraction: 'never' })],
      ['a session without its tenant', () => ({ tenant: undefined })],
    ])('but answers %s: 503', async (_, fields) => {
      round.core.session(open).fields = fields();
      expect((await admin.session(open)).status).toBe(503);
    });

    it('of a tenant that is newer than the list in memory: 503, and not 404', async () => {
      round.addTenant('new', { organizationId: 'org-t1' });
      const id = round.addSession('new', 4);
      expect((await admin.session(id)).status).toBe(503);
      await round.check();
      expect((await admin.session(id)).status).toBe(200);
    });

    it('where it says that a recorded session is of another organization: what is recorded is answered', async () => {
      round.addTenant('foreign');
      round.core.touch(completed);
      round.core.session(completed).tenantId = 'foreign';
      await round.check();
      const { status, body } = await admin.session(completed);
      expect([status, body.completions.length, body.outlook]).toEqual([200, 1, undefined]);
    });
  });
});
