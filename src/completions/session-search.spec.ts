import { CompletionStore } from '../../test/support/completion-store.js';
import { endedSession } from '../../test/support/ended-session.js';
import { dropDatabase, migrate, testDatabaseUri } from '../../test/world/database.js';
import { type Completion, completionId } from './completion.js';
import { COMPLETION } from './completion.schema.js';
import { newDelivery } from './transitions.js';
import { SessionSearch } from './session-search.js';

const AT = new Date(Date.UTC(2026, 0, 1));
const LIMIT = 10;

function completion(sessionId: string, revision = 1, organizationId = 'org1'): Completion {
  const _id = organizationId === 'org1' ? completionId(sessionId, revision) : `${organizationId}-${sessionId}`;
  const delivery = newDelivery('flow:t1', { token: 'l1', until: AT });
  return {
    ...endedSession(sessionId, AT, { organizationId }),
    _id,
    revision,
    open: false,
    completedAt: AT,
    deliveries: [{ ...delivery, state: 'delivered' }],
  };
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('the search for sessions by the beginning of their ids', () => {
  let store: CompletionStore;
  let search: SessionSearch;

  beforeAll(async () => {
    const uri = testDatabaseUri('session-search');
    await dropDatabase(uri);
    await migrate(uri);
    store = await CompletionStore.open(uri);
    search = new SessionSearch(store.connection.model<Completion>(COMPLETION));
    await store.completions.add([
      ...range(2_000).map((n) => completion(`many-${n}`, 1, 'org2')),
      ...range(30).map((n) => completion(`many-x${n}`)),
      ...range(40).map((n) => completion('twin-a', n + 1)),
      ...range(40).map((n) => completion('twin-b', n + 1)),
      completion('twin-c', 3),
      completion('a.*c-1'),
      completion('a.*c\u{1f600}'),
      completion('abcc-1'),
    ]);
  });

  afterAll(() => store.close());

  const ids = async (prefix: string, organizationId = 'org1', limit = LIMIT) =>
    (await search.byPrefix(organizationId, prefix, limit)).map(({ sessionId }) => sessionId);

  const keysOf = async (prefix: string, behind?: string) => {
    const plan: unknown = await search.page('org1', prefix, LIMIT, behind).explain('executionStats');
    return (plan as { executionStats: { totalKeysExamined: number } }).executionStats.totalKeysExamined;
  };

  it('finds ten at most, the first by id, and reads no key of other organizations', async () => {
    const all = range(30).map((n) => `many-x${n}`);
    expect(await ids('many')).toEqual(all.sort().slice(0, LIMIT));
    expect(await keysOf('many')).toBeLessThanOrEqual(LIMIT + 1);
    expect(await keysOf('many', 'many-x5')).toBeLessThanOrEqual(LIMIT + 1);
    expect(await keysOf('many-7')).toBeLessThanOrEqual(1);
    expect(await ids('many-7')).toEqual([]);
  });

  it('finds each session once, at its latest revision, however many it has', async () => {
    const found = await search.byPrefix('org1', 'twin', LIMIT);
    expect(found.map(({ sessionId, revision }) => [sessionId, revision])).toEqual([
      ['twin-a', 40],
      ['twin-b', 40],
      ['twin-c', 3],
    ]);
    expect(found[0]).toEqual({
      sessionId: 'twin-a',
      tenantId: 't1',
      revision: 40,
      lastInteraction: AT,
      foundAt: AT,
      completedAt: AT,
      deliveries: [{ state: 'delivered' }],
    });
    expect(await keysOf('twin', 'twin-a')).toBeLessThanOrEqual(LIMIT + 1);
  });

  it('takes the beginning as it is written, and no pattern', async () => {
    expect(await ids('a.*c')).toEqual(['a.*c-1', 'a.*c\u{1f600}']);
    expect(await ids('A.*c')).toEqual([]);
    expect(await ids('.*.*')).toEqual([]);
    expect(await ids('many', 'org3')).toEqual([]);
  });
});
