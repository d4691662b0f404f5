import { stubOf } from '../../../test/support/stub.js';
import { PlatformError } from '../platform-error.js';
import type { AnswerSize } from '../json-answer.js';
import { PlatformHttp, type PlatformRequest } from '../platform-http.js';
import { CoreWitness } from './core-witness.js';

const MINUTE_MS = 60_000;

describe('CoreWitness', () => {
  let now: number;
  let asked: PlatformRequest[];
  /** What `/tenants` answers; undefined: 404. */
  let tenants: unknown[] | undefined;
  let witness: CoreWitness;

  beforeEach(() => {
    [now, asked, tenants] = [1_000_000, [], undefined];
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const http = stubOf(PlatformHttp, {
      json: async <T>(request: PlatformRequest, read: (answer: unknown, size: AnswerSize) => T): Promise<T> => {
        asked.push(request);
        await Promise.resolve();
        if (tenants) return read({ items: tenants }, { bytes: 0, neededBytes: 0 });
        throw new PlatformError({ service: 'hbf-core', route: '/tenants', kind: 'not-found', code: 'http_404' });
      },
    });
    witness = new CoreWitness(http);
  });
  afterEach(() => jest.restoreAllMocks());

  it('goes by an answer for another session within the last minute, and asks nothing', async () => {
    witness.noteSession('s2');
    now += MINUTE_MS;
    expect(await witness.answersOthers('s1')).toBe(true);
    now += 1;
    expect(await witness.answersOthers('s1')).toBe(false);
    expect(asked).toHaveLength(1);
  });

  it('goes by an answer for /tenants within the last minute, and asks nothing', async () => {
    witness.noteTenants();
    expect(await witness.answersOthers('s1')).toBe(true);
    expect(asked).toEqual([]);
  });

  it('does not go by an answer for the same session, but by one for another before it', async () => {
    witness.noteSession('s1');
    expect(await witness.answersOthers('s1')).toBe(false);
    witness.noteSession('s2');
    witness.noteSession('s1');
    witness.noteSession('s1');
    expect(await witness.answersOthers('s1')).toBe(true);
    expect(await witness.answersOthers('s2')).toBe(true);
  });

  it('asks for one tenant, once for all that ask at the same time and for the minute after', async () => {
    tenants = [{ id: 't1' }];
    const answers = await Promise.all(['s1', 's2', 's3'].map((id) => witness.answersOthers(id)));
    now += MINUTE_MS;
    expect([...answers, await witness.answersOthers('s4')]).toEqual([true, true, true, true]);
    expect(asked).toMatchObject([{ service: 'hbf-core', route: '/tenants', query: { page: 0, pageSize: 1 } }]);
  });

  it.each([
    ['404', undefined],
    ['a list without a tenant', []],
  ])('knows nothing when /tenants answers %s, and asks again five seconds later', async (_, answer) => {
    tenants = answer;
    expect(await witness.answersOthers('s1')).toBe(false);
    now += 4_999;
    expect(await witness.answersOthers('s2')).toBe(false);
    expect(asked).toHaveLength(1);
    tenants = [{ id: 't1' }];
    now += 1;
    expect(await witness.answersOthers('s2')).toBe(true);
  });
});
