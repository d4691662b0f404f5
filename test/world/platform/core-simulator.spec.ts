import type { StoredSession } from './core-store.js';
import { CORE_TOKEN, plantedSecretsIn } from '../planted-secrets.js';
import { PlatformSimulator } from './platform-simulator.js';

const LONG_AGO = new Date('2026-01-01T00:00:00Z');
const EXPIRED = 'status=ACTIVE&lastInteractionLessThan=2026-01-01T00:00:01Z';

describe('the simulator of hbf-core', () => {
  let platform: PlatformSimulator;

  beforeEach(async () => {
    platform = await PlatformSimulator.start();
    platform.core.addTenant({ id: 't1', organizationId: 'o1', expireAfterSeconds: 60, summarizes: true });
    platform.core.addTenant({ id: 't2', organizationId: 'o2' });
  });

  afterEach(() => platform.stop());

  async function ask(path: string, init: RequestInit = {}, token = CORE_TOKEN) {
    const headers = { authorization: `Bearer ${token}`, ...(init.body ? { 'content-type': 'application/json' } : {}) };
    const response = await fetch(platform.core.server.url + path, { ...init, headers });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), text };
  }

  const complete = (...ids: string[]) =>
    ask('/chat-sessions/batch/complete', { method: 'PATCH', body: JSON.stringify({ ids }) });

  const addSessions = (count: number): StoredSession[] =>
    Array.from({ length: count }, () => platform.core.addSession({ tenantId: 't1', lastInteraction: LONG_AGO }));

  it('leaves out settings, system settings and plugins that were not asked for', async () => {
    const bare = await ask('/tenants?page=0&pageSize=10');
    expect(bare.body).toMatchObject({ page: 0, pageSize: 10, total: 2 });
    expect(bare.body.items[0]).not.toHaveProperty('settings');
    expect(bare.body.items[0]).not.toHaveProperty('plugins');
    const whole = await ask('/tenants?page=0&pageSize=10&includeSettings=true&includePlugins=true');
    expect(whole.body.items[0].settings.session).toEqual({ expireInactiveSessionAfter: 60 });
    expect(whole.body.items[0].plugins[0].category).toBe('LLM_SUMMARIZATION');
    expect(plantedSecretsIn(whole.text).length).toBeGreaterThan(10);
  });

  it('refuses and writes down what no contract knows', async () => {
    expect((await ask('/tenants?page=0')).status).toBe(400);
    expect((await ask('/sessions')).status).toBe(404);
    expect(platform.violations).toEqual([
      'hbf-core: GET /tenants: pageSize is required',
      'hbf-core: unknown route GET /sessions',
    ]);
  });

  it('wants its own token everywhere but at /users/me', async () => {
    platform.core.addUser({ token: 'admin', organizationRoles: { o1: ['HBF_ORG_ADMIN'] } });
    expect((await ask('/chat-sessions', {}, 'admin')).status).toBe(401);
    expect((await ask('/users/me', {}, 'admin')).body.organizationRoles).toEqual({ o1: ['HBF_ORG_ADMIN'] });
    expect((await ask('/users/me', {}, 'nobody')).status).toBe(401);
    expect(platform.violations).toEqual([]);
  });

  it('shifts its pages when sessions are completed', async () => {
    const [first, second, third] = addSessions(3);
    const page = (n: number) => ask(`/chat-sessions?${EXPIRED}&page=${n}&pageSize=1`);
    expect((await page(0)).body.items[0].id).toBe(first!.id);
    expect((await complete(first!.id)).status).toBe(204);
    expect((await page(1)).body.items[0].id).toBe(third!.id); // the second one is passed over
    expect((await page(0)).body).toMatchObject({ items: [{ id: second!.id }], total: 2 });
    expect(platform.core.completed.get(first!.id)?.count).toBe(1);
  });

  it('tells of a session neither organization nor tenant, and lists only when asked', async () => {
    const [session] = addSessions(1);
    const bare = (await ask(`/chat-sessions/${session!.id}`)).body;
    for (const field of ['organizationId', 'tenantId', 'tenant', 'messages', 'liveChats'])
      expect(bare).not.toHaveProperty(field);
    const flags = 'includeMessages=true&includeTenant=true&includeLiveChats=true';
    const whole = await ask(`/chat-sessions/${session!.id}?${flags}`);
    expect(whole.body).toMatchObject({ liveChats: [], tenant: { id: 't1' }, status: 'ACTIVE' });
    expect(typeof whole.body.messages[0].date).toBe('number');
    Object.assign(platform.core.switches, { statusCase: 'lower', messageDates: 'date-time', sessionList: 'array' });
    const [other] = (await ask(`/chat-sessions?${EXPIRED}&includeMessages=true`)).body;
    expect(other.status).toBe('active');
    expect(other.messages[0].date).toMatch(/^\d{4}-.*Z$/);
  });

  it('refuses a whole batch for one poisoned id, and takes unknown ones in silence', async () => {
    const [good, bad] = addSessions(2);
    platform.core.poison(bad!.id);
    expect((await complete(good!.id, bad!.id)).status).toBe(400);
    expect(platform.core.session(good!.id).status).toBe('ACTIVE');
    expect((await complete(good!.id, 'nobody-knows-it')).status).toBe(204);
    expect(platform.core.session(good!.id).status).toBe('COMPLETED');
  });

  it('completes a session although the user wrote in between, and wakes it when he writes later', async () => {
    const [session] = addSessions(1);
    const remove = platform.core.server.onBefore('PATCH /chat-sessions/batch/complete', () =>
      platform.core.touch(session!.id),
    );
    await complete(session!.id);
    remove();
    expect(session!.status).toBe('COMPLETED');
    expect(platform.core.completed.get(session!.id)!.lastInteraction).toBeGreaterThan(LONG_AGO.getTime());
    platform.core.touch(session!.id);
    expect(platform.core.activeCount).toBe(1);
  });

  it('finds surveys by session, with the credentials of its tenant', async () => {
    const [session, other] = addSessions(2);
    platform.core.addSurvey({ sessionId: session!.id, id: 's1' });
    platform.core.addSurvey({ sessionId: other!.id, id: 's2' });
    const found = await ask(`/organizations/o1/surveys?sessionId=${session!.id}&page=0&pageSize=10`);
    expect(found.body).toMatchObject({ total: 1, items: [{ id: 's1', session: session!.id }] });
    expect(plantedSecretsIn(found.text)).not.toEqual([]);
    expect((await ask(`/organizations/o2/surveys?sessionId=${session!.id}`)).body.items).toEqual([]);
  });

  it('goes wrong as it is told: once, after the deed, by reset', async () => {
    const [session] = addSessions(1);
    const route = 'PATCH /chat-sessions/batch/complete';
    platform.fault({ service: 'hbf-core', route, kind: 'status', status: 500, stage: 'after', times: 1 });
    platform.fault({ service: 'hbf-core', route: 'GET /users/me', kind: 'reset', times: 1 });
    platform.fault({ service: 'hbf-core', route: 'GET /chat-sessions', kind: 'body', body: { sessions: [] } });
    expect((await complete(session!.id)).status).toBe(500);
    expect(session!.status).toBe('COMPLETED');
    expect((await complete(session!.id)).status).toBe(204);
    await expect(ask('/users/me')).rejects.toThrow();
    expect((await ask('/users/me')).status).toBe(200);
    expect((await ask('/chat-sessions')).body).toEqual({ sessions: [] });
    expect(platform.core.server.count(route)).toBe(2);
    expect(platform.core.server.count(route, 500)).toBe(1);
  });

  it('trains as planned, asked over and over', async () => {
    platform.core.addPipeline({ id: 'p1', tenantId: 't1', nlpService: 'HBF_NLP' });
    platform.core.pipelines.plan = { stillOutdatedPolls: 1, trainingPolls: 1, atLeastMs: 0, end: 'FAILED' };
    const headers = { authorization: `Bearer ${CORE_TOKEN}` };
    const trained = await fetch(`${platform.nlp.server.url}/nlp-pipelines/p1/train`, { method: 'POST', headers });
    expect(trained.status).toBe(204);
    const states = [];
    for (let poll = 0; poll < 4; poll++) states.push((await ask('/nlp-pipelines/p1')).body.status);
    expect(states).toEqual(['OUTDATED', 'TRAINING', 'FAILED', 'FAILED']);
    expect(platform.core.pipelines.trainings).toMatchObject([{ pipelineId: 'p1', askedOf: 'hbf-nlp' }]);
  });
});
