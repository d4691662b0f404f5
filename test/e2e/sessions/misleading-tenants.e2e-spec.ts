import { activeIds, checked, problemsNow, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const DAY_MINUTES = 1440;
const A_TIME = /^\d{4}-\d\d-\d\dT/;

/** The default threshold is thirty minutes, that of `addTenant` ten. */
describe('tenants and sessions that cannot be read as they should', () => {
  let round: Round;

  beforeEach(async () => {
    round = await Round.start('misleading-tenants');
    round.addTenant('good');
  });

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  const problemsOf = async (tenantId: string) =>
    (await problemsNow(round.service))?.filter((problem) => problem.tenantId === tenantId);

  const hasProblem = (tenantId: string, more: object = {}) => [
    { tenantId, reason: expect.any(String), since: expect.stringMatching(A_TIME), ...more },
  ];

  it('there is no problem where all can be read', async () => {
    round.addSession('good', 20);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    expect(await problemsNow(round.service)).toEqual([]);
  });

  it('a tenant without an organization is named at every check, and its sessions wait', async () => {
    round.addTenant('bad', { fields: { organizationId: null } });
    const ended = round.addSession('good', 20);
    const waiting = round.addSession('bad', 20);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    const [problem] = (await problemsOf('bad')) ?? [];
    expect([problem]).toEqual(hasProblem('bad'));
    await checked(round);
    expect(await problemsOf('bad')).toEqual([problem]);
    expect(activeIds(round.platform)).toEqual([waiting]);
    round.core.changeTenant('bad', { organizationId: 'org-bad' });
    expect(await checked(round)).toMatchObject({ completed: 1 });
    expect(await problemsOf('bad')).toEqual([]);
    await triggeredOnce(round.platform, [ended, waiting]);
  });

  describe.each([
    ['settings that are a text', { settings: 'x' }],
    ['session settings that are a list', { settings: { session: [] } }],
    ['a threshold that is a text', { settings: { session: { expireInactiveSessionAfter: 'soon' } } }],
  ])('%s', (_what, fields) => {
    it('mean the default threshold where none was known, and the tenant is named', async () => {
      round.addTenant('odd', { fields });
      const ended = round.addSession('odd', 40);
      const alive = round.addSession('odd', 20);
      expect(await checked(round)).toMatchObject({ completed: 1 });
      expect(activeIds(round.platform)).toEqual([alive]);
      await triggeredOnce(round.platform, [ended]);
      expect(await problemsOf('odd')).toEqual(hasProblem('odd'));
    });

    it.each([
      ['the last known threshold where that is longer', 3_600, 70, 50],
      ['the default threshold where the last known one is shorter', 600, 40, 20],
    ])('mean %s', async (_which, known, endedAfter, aliveAfter) => {
      round.addTenant('odd', { expireAfterSeconds: known });
      await checked(round);
      round.core.changeTenant('odd', fields);
      const ended = round.addSession('odd', endedAfter);
      const alive = round.addSession('odd', aliveAfter);
      expect(await checked(round)).toMatchObject({ completed: 1 });
      expect(activeIds(round.platform)).toEqual([alive]);
      await triggeredOnce(round.platform, [ended]);
    });
  });

  it.each([
    ['a list that holds null', [null]],
    ['a text', 'x'],
    ['a list that holds a text beside a plugin', ['x', { category: 'CRM' }]],
  ])('plugins that are %s mean no analysis, and the sessions are completed', async (_what, plugins) => {
    round.addTenant('odd', { fields: { plugins } });
    const ended = round.addSession('odd', 20);
    expect(await checked(round)).toMatchObject({ completed: 1 });
    await triggeredOnce(round.platform, [ended]);
    expect(round.platform.nlp.analyses).toEqual([]);
  });

  it.each([
    ['in 1999', () => new Date('1999-12-31T23:59:59Z')],
    ['in 1970', () => new Date(0)],
    ['in two days', () => new Date(Date.now() + 2 * DAY_MINUTES * 60_000)],
  ])('a session whose last interaction was %s is quarantined and named, and no other', async (_when, when) => {
    const ended = round.addSession('good', 20);
    const lastInteraction = when().toISOString();
    const odd = round.addSession('good', 20, { fields: { lastInteraction } });
    expect(await checked(round)).toMatchObject({ completed: 1 });
    expect(activeIds(round.platform)).toEqual([odd]);
    await triggeredOnce(round.platform, [ended]);
    expect(await problemsOf('good')).toEqual(hasProblem('good', { sessionId: odd }));
  });

  it('the answer with the problems holds the checks, too', async () => {
    await checked(round);
    const url = `${round.service.url}/operations/session-checks`;
    const headers = { authorization: `Bearer ${round.env['CORE_TOKEN']}` };
    const body: unknown = await (await fetch(url, { headers })).json();
    expect(body).toEqual({
      items: [expect.objectContaining({ trigger: 'on-demand', outcome: 'finished' })],
      problems: [],
    });
  });
});
