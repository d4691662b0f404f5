import { stubOf } from '../../test/support/stub.js';
import { Heartbeat } from '../persistence/heartbeat.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { PlatformError, type PlatformErrorKind } from '../platform/platform-error.js';
import { CoreCompletion, type Told } from './core-completion.js';

function failure(kind: PlatformErrorKind): PlatformError {
  return new PlatformError({ service: 'hbf-core', route: '/chat-sessions/batch/complete', kind, code: kind });
}

describe('CoreCompletion', () => {
  let statuses: Map<string, string>;
  let patches: string[][];
  let reads: string[];
  /** What a PATCH of these ids does: an error is thrown after that. */
  let patch: (ids: readonly string[]) => PlatformError | undefined;
  const evidence = { patched: false };

  beforeEach(() => {
    statuses = new Map();
    patches = [];
    reads = [];
    patch = (ids) => void ids.forEach((id) => statuses.set(id, 'COMPLETED'));
    evidence.patched = false;
  });

  const core = stubOf(CoreClient, {
    completeSessions: (ids) => {
      patches.push([...ids]);
      const error = patch(ids);
      return error ? Promise.reject(error) : Promise.resolve();
    },
    getSession: (id) => {
      reads.push(id);
      const status = statuses.get(id);
      return Promise.resolve(status === undefined ? undefined : readChatSession({ id, status, lastInteraction: 0 }));
    },
  });

  const ids = (count: number) => Array.from({ length: count }, (_, n) => `s${n}`);
  const complete = async (count: number): Promise<Record<keyof Told, number>> => {
    for (const id of ids(count)) statuses.set(id, 'ACTIVE');
    const told = await new CoreCompletion(core, stubOf(Heartbeat, {})).complete(
      ids(count).map((sessionId) => ({ sessionId, tenantId: 't1' })),
      evidence,
      'lease',
    );
    return { completed: told.completed.size, refused: told.refused.size, unknown: told.unknown.size };
  };
  /** Refuses every page that holds one of these, and completes the others. */
  const refuse = (...bad: string[]) => {
    const accept = patch;
    patch = (page) => (bad.some((id) => page.includes(id)) ? failure('not-found') : accept(page));
  };

  it('tells of a page in one call, and asks for nothing', async () => {
    expect(await complete(50)).toEqual({ completed: 50, refused: 0, unknown: 0 });
    expect([patches.length, reads.length, evidence.patched]).toEqual([1, 0, true]);
  });

  it('splits a refused page until the refused session stands alone, and asks what became of that', async () => {
    refuse('s17');
    expect(await complete(50)).toEqual({ completed: 49, refused: 1, unknown: 0 });
    expect(patches.length).toBeLessThanOrEqual(13);
    expect(reads).toEqual(['s17']);
  });

  it('takes a session that was completed in spite of the refusal for completed', async () => {
    const accept = patch;
    patch = (page) => {
      accept(page);
      return failure('refused');
    };
    expect(await complete(50)).toEqual({ completed: 50, refused: 0, unknown: 0 });
    expect(patches).toHaveLength(20);
  });

  it('stops splitting at twenty PATCHes and leaves the page to the recovery where hbf-core completes nothing at all', async () => {
    patch = () => failure('not-found');
    expect(await complete(50)).toEqual({ completed: 0, refused: 1, unknown: 49 });
    expect([patches.length, reads.length]).toEqual([20, 1]);
  });

  it('asks for each refused session where hbf-core has completed others in this check', async () => {
    evidence.patched = true;
    patch = () => failure('not-found');
    expect(await complete(50)).toEqual({ completed: 0, refused: 50, unknown: 0 });
    expect([patches.length, reads.length]).toEqual([20, 50]);
  });

  it('knows nothing of a session that hbf-core refuses and does not show', async () => {
    refuse('s1');
    const accept = patch;
    patch = (page) => {
      statuses.delete('s1');
      return accept(page);
    };
    expect(await complete(4)).toEqual({ completed: 3, refused: 0, unknown: 1 });
  });

  it('throws where hbf-core fails at once, and knows nothing of the part at which it fails later', async () => {
    patch = () => failure('timeout');
    await expect(complete(4)).rejects.toMatchObject({ kind: 'timeout' });
    let calls = 0;
    patch = (page) => [failure('refused'), undefined, failure('failed')][calls++] ?? void page;
    expect(await complete(4)).toEqual({ completed: 2, refused: 0, unknown: 2 });
  });
});
