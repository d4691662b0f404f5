import type { Heal } from '../../world/platform/bad-day.js';
import { waitFor } from '../../support/wait-for.js';
import { addTenants, checked, checkNow, checkUntilOnlyActive, triggeredOnce } from '../fixtures/on-demand.js';
import { Round } from '../fixtures/round.js';

const PAGE = 20;
const SESSIONS = 60;
const HELD = 5;
const FAT = 'x'.repeat(140 * 1024);

jest.setTimeout(60_000);

describe('lists of hbf-core that mislead', () => {
  let round: Round;

  async function start(env: Record<string, string> = {}): Promise<void> {
    round = await Round.start('misleading-lists', { SESSION_PAGE_SIZE: String(PAGE), ...env });
  }

  afterEach(async () => {
    expect(round.platform.violations).toEqual([]);
    await round.stop();
  });

  /** The first `held` ones stay ACTIVE: a live chat is open. */
  function addSessions(tenant: string, held: number, count = SESSIONS): { held: string[]; ended: string[] } {
    const liveChats = [{ liveChatEventType: 'LIVECHAT_STARTED', agents: [] }];
    const more = (index: number) => ({ messages: [], ...(index < held && { liveChats }) });
    const ids = Array.from({ length: count }, (_, index) => round.addSession(tenant, 20, more(index)));
    return { held: ids.slice(0, held), ended: ids.slice(held) };
  }

  /** The sizes of the first pages of tenants that were asked for; one row is a question whether hbf-core answers. */
  const pagesOfTenants = (): number[] =>
    round.core.server.requests
      .filter(({ route }) => route === 'GET /tenants')
      .map(({ query }) => new URLSearchParams(query))
      .filter((query) => query.get('page') === '0')
      .map((query) => Number(query.get('pageSize')))
      .filter((size) => size > 1);

  const lies: [string, () => Heal][] = [
    ['ignore the page parameter', () => round.core.badDay.ignorePageParameter()],
    ['bring each page twice', () => round.core.badDay.repeatEachPage()],
    ['tell as total what is on the page', () => round.core.badDay.tellTotal((_real, onPage) => onPage)],
    ['tell a total that is capped', () => round.core.badDay.tellTotal((real) => Math.min(real, 10))],
    ['tell twice the total', () => round.core.badDay.tellTotal((real) => 2 * real)],
    ['tell -1 as total', () => round.core.badDay.tellTotal(() => -1)],
    ['tell the total as a text', () => round.core.badDay.tellTotal((real) => String(real))],
    ['tell null as total', () => round.core.badDay.tellTotal(() => null)],
    ['list each session twice', () => round.core.badDay.listTwice()],
    ['hold ten at most, and skip as many as were asked for', () => round.core.badDay.capPages(10)],
  ];

  describe('pages of sessions that', () => {
    it.each(lies)('%s: every session is completed within few checks', async (_lie, lie) => {
      await start();
      addTenants(round, 2);
      const { ended } = addSessions('t1', 0);
      lie();
      await checkUntilOnlyActive(round, []);
      await triggeredOnce(round.platform, ended);
    });

    it.each(lies)('%s, while some of them stay ACTIVE: the others are completed by one check', async (_lie, lie) => {
      await start();
      addTenants(round, 2);
      const { held, ended } = addSessions('t1', HELD);
      lie();
      await checkUntilOnlyActive(round, held, 1);
      await triggeredOnce(round.platform, ended);
      round.core.server.resetCounters();
      await checked(round); // and it ends
      expect(round.core.server.count('GET /chat-sessions')).toBeLessThan(20);
    });
  });

  it.each([
    ['tell the real total', (real: number) => real],
    ['tell as total what is on the page', (_real: number, onPage: number) => onPage],
    ['tell no total', () => null],
  ])(
    'pages that hold ten at most, skip as many as were asked for and %s, behind twelve that stay',
    async (_, total) => {
      await start();
      addTenants(round, 1);
      const { held, ended } = addSessions('t0', 12);
      round.core.badDay.capPages(10);
      round.core.badDay.tellTotal(total);
      await checkUntilOnlyActive(round, held, 2);
      await triggeredOnce(round.platform, ended);
    },
  );

  it('a list of which every session was completed is not taken for a short one', async () => {
    await start();
    addTenants(round, 2);
    addSessions('t1', 1, 30);
    expect(await checked(round)).toMatchObject({ completed: 29, listsShort: 0 });
    addSessions('t0', 0, 3);
    expect(await checked(round)).toMatchObject({ completed: 3, listsShort: 0 });
  });

  it('bare lists that ignore the page parameter and are full of sessions that stay ACTIVE: the check ends', async () => {
    await start();
    round.core.switches.sessionList = 'array';
    addTenants(round, 2);
    const { held } = addSessions('t1', PAGE, PAGE);
    const { ended } = addSessions('t0', 0, 3);
    round.core.badDay.ignorePageParameter();
    await checkUntilOnlyActive(round, held, 1);
    await triggeredOnce(round.platform, ended);
    expect(round.core.server.count('GET /chat-sessions')).toBeLessThan(20);
  });

  it('tenants whose pages ignore `page` and tell a billion as total: the check ends', async () => {
    await start();
    const tenants = addTenants(round, 30);
    tenants.forEach((tenant) => round.addSession(tenant, 20, { messages: [] }));
    round.core.badDay.ignorePageParameter('GET /tenants');
    round.core.badDay.tellTotal(() => 1_000_000_000, 'GET /tenants');
    expect(await checked(round)).toMatchObject({ tenants: 30, completed: 30 });
    expect(pagesOfTenants().length).toBeLessThan(20);
  });

  it.each([
    ['tell no more as total', () => round.core.badDay.limitPages(10, 'GET /tenants')],
    ['skip as many as were asked for', () => round.core.badDay.capPages(10, 'GET /tenants')],
  ])('tenants whose pages hold ten at most and %s: all of them are found', async (_lie, lie) => {
    await start();
    const tenants = addTenants(round, 30);
    tenants.forEach((tenant) => round.addSession(tenant, 20, { messages: [] }));
    lie();
    expect(await checked(round)).toMatchObject({ tenants: 30, completed: 30 });
  });

  it('tenants of which not even one is told in time: hbf-core hangs, and the size of the pages stays', async () => {
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300' });
    addTenants(round, 60);
    const heal = round.core.badDay.slowTenants(3_000);
    expect(await checkNow(round.service)).toMatchObject({ status: 503 });
    const [before] = pagesOfTenants();
    heal();
    round.core.server.resetCounters();
    expect(await checked(round)).toMatchObject({ tenants: 60 });
    expect(pagesOfTenants()).toEqual([before]);
  });

  it('tenants whose pages take longer than the time-out: they are halved, and the size is remembered', async () => {
    await start({ SESSION_SERVICE_REQUEST_TIMEOUT: '300' });
    addTenants(round, 60);
    round.addSession('t59', 20);
    round.core.badDay.slowTenants(3_000, 200);
    await waitFor('a check that succeeds', async () => (await checkNow(round.service)).status === 200);
    expect(round.core.activeCount).toBe(0);
    const found = pagesOfTenants().at(-1)!;
    round.core.server.resetCounters();
    await checked(round);
    expect(Math.max(...pagesOfTenants())).toBe(found);
  });

  it('five hundred tenants of 140 KB: pages that are too long are halved, and the size is remembered', async () => {
    await start();
    const tenants = addTenants(round, 500);
    tenants.forEach((tenant) => round.core.changeTenant(tenant, { brandNew: FAT }));
    round.addSession(tenants.at(-1)!, 20);
    expect(await checkNow(round.service)).toMatchObject({ status: 200, figures: { tenants: 500, completed: 1 } });
    const found = pagesOfTenants().at(-1)!;
    round.core.server.resetCounters();
    await checked(round);
    expect(Math.max(...pagesOfTenants())).toBe(found);
  });

  it('pages of sessions that take longer than the time-out are halved until they do not, and the size is remembered', async () => {
    await start({ SESSION_PAGE_SIZE: '50', SESSION_SERVICE_REQUEST_TIMEOUT: '300' });
    addTenants(round, 3);
    const slow = addSessions('t1', 0);
    const quick = addSessions('t2', 0, 5);
    round.core.badDay.slowLists(['t1'], 3_000, 10);
    await checkUntilOnlyActive(round, []);
    await triggeredOnce(round.platform, [...slow.ended, ...quick.ended]);
    round.core.server.resetCounters();
    const late = addSessions('t1', 0, 10);
    await waitFor('the late ones', async () => (await checked(round)) && round.core.activeCount === 0);
    await triggeredOnce(round.platform, [...slow.ended, ...quick.ended, ...late.ended]);
    const sizes = round.core.server.requests
      .map(({ query }) => new URLSearchParams(query))
      .filter((query) => query.get('tenantId') === 't1')
      .map((query) => Number(query.get('pageSize')));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
  });
});
