import { stubOf } from '../../test/support/stub.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { readChatSession } from '../platform/core/chat-session.dto.js';
import { CoreClient } from '../platform/core/core.client.js';
import { readTenant } from '../platform/core/tenant.dto.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { PlatformError } from '../platform/platform-error.js';
import { CheckRun, FigureBook, type Scan } from './check-run.js';
import { CoreGuard } from './core-guard.js';
import { Quarantine } from './quarantine.js';
import { SessionLists } from './session-lists.js';
import { SessionPages } from './session-pages.js';

describe('SessionPages, of a session that does not fit beside others', () => {
  let budget: MemoryBudget;
  let journal: string[];
  let endsTheProcess: boolean;
  const turn = () => jest.advanceTimersByTimeAsync(0);

  const scan: Scan = {
    tenant: readTenant({ id: 't1', organizationId: 'o1' }),
    threshold: { seconds: 600, rule: 'tenant-threshold' },
    cutoff: new Date(0),
    run: new CheckRun(0, new FigureBook(), new CoreGuard(stubOf(CoreClient, {}))),
    light: true,
    staying: new Set(),
    held: { beganAt: 0, ids: new Set() },
    leftPool: () => undefined,
  };

  beforeEach(() => {
    jest.useFakeTimers();
    budget = new MemoryBudget({ sessionMemoryBudgetMb: 1 });
    journal = [];
    endsTheProcess = false;
  });

  afterEach(() => jest.useRealTimers());

  /** `failure`: of the read that is alone. */
  function build(failure?: PlatformError): SessionPages {
    const noRoom = new PlatformError({ service: 'hbf-core', route: '/', kind: 'no-room', code: 'no_room' });
    const session = readChatSession({ id: 's1', lastInteraction: 0 });
    const lists = stubOf(SessionLists, {
      read: (_id, _scan, { alone }) => {
        journal.push(alone ? 'read alone' : 'read');
        const error = alone ? failure : noRoom;
        return error ? Promise.reject(error) : Promise.resolve(session);
      },
    });
    const quarantine = stubOf(Quarantine, {
      hasDeaths: () => false,
      endsTheProcess: () => endsTheProcess,
      beginReading: () => Promise.resolve(void journal.push('noted')),
      endReading: () => void journal.push('note removed'),
    });
    return new SessionPages(testConfig(), lists, budget, quarantine);
  }

  it('notes it when it is read, and not while it waits for its room', async () => {
    const other = await budget.reserve(1_000);
    const reading = build().readOne('s1', scan);
    await turn();
    expect(journal).toEqual(['read']);
    other.release();
    const { room } = await reading;
    expect([...journal, room.alone]).toEqual(['read', 'noted', 'read alone', true]);
    room.release();
    expect(budget.reserved).toBe(0);
  });

  it('does not wait for room where the process ends over it', async () => {
    endsTheProcess = true;
    const other = await budget.reserve(1_000);
    await expect(build().readOne('s1', scan)).rejects.toMatchObject({ kind: 'shape', code: 'ends_the_process' });
    expect(journal).toEqual(['read']);
    other.release();
  });

  it('keeps no room and no note of a session that cannot be read', async () => {
    const failure = new PlatformError({ service: 'hbf-core', route: '/', kind: 'failed', code: 'http_500' });
    await expect(build(failure).readOne('s1', scan)).rejects.toBe(failure);
    expect(journal).toEqual(['read', 'noted', 'read alone', 'note removed']);
    const next = await budget.reserve(1_000); // given at once: nothing is alone any more
    next.release();
  });
});
