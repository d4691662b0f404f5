import { stubOf } from '../../test/support/stub.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { FirstAttempts } from '../deliveries/first-attempts.js';
import { PayloadSource } from '../deliveries/payload-source.js';
import { CoreClient } from '../platform/core/core.client.js';
import { CheckRun, FigureBook } from './check-run.js';
import { CompletionBatches } from './completion-batches.js';
import { CoreGuard } from './core-guard.js';
import type { ReadSession } from './delivery-plan.js';
import { SessionCompleter } from './session-completer.js';

const PAGE = 4;
const CLOSE_AFTER_MS = 50;

let batches: CompletionBatches;
/** The ids of each batch, as it was closed, and how to end its completion. */
let closed: { ids: string[]; end: () => void }[];
let run: CheckRun;

beforeEach(() => {
  jest.useFakeTimers();
  closed = [];
  run = new CheckRun(Date.now(), new FigureBook(), new CoreGuard(stubOf(CoreClient, {})));
  const completer = stubOf(SessionCompleter, {
    complete: (batch) =>
      new Promise((resolve) => {
        const results = new Map(batch.map(({ id }) => [id, 'completed' as const]));
        closed.push({ ids: batch.map(({ id }) => id), end: () => resolve(results) });
      }),
  });
  const permits = { keep: () => undefined, release: () => undefined };
  const firstAttempts = stubOf(FirstAttempts, { reserve: () => Promise.resolve(permits) });
  batches = new CompletionBatches(testConfig({ SESSION_PAGE_SIZE: String(PAGE) }), firstAttempts, completer);
});

afterEach(() => jest.useRealTimers());

function put(tenantId: string, ...ids: string[]): Promise<Map<string, string>> {
  const tenant = { id: tenantId, organizationId: 'o1', expireAfterSeconds: undefined, analyzesSessions: false, hasCrm: false, publicFields: {} }; // prettier-ignore
  const sessions = ids.map((id): ReadSession => {
    const source = stubOf(PayloadSource, { close: () => undefined });
    const facts = {
      lastInteraction: new Date(),
      containsUserInteraction: false,
      thresholdSeconds: 1,
      readAt: Date.now(),
    };
    return { id, tenant, source, run, rule: 'tenant-threshold', ...facts };
  });
  return batches.complete(sessions, run);
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);
const ids = () => closed.map((batch) => batch.ids.join(' '));

describe('a batch', () => {
  it('of several tenants closes 50 ms after its first session', async () => {
    const first = put('t1', 'a');
    await pass(CLOSE_AFTER_MS - 1);
    void put('t2', 'b');
    expect(ids()).toEqual([]);
    await pass(1);
    expect(ids()).toEqual(['a b']);
    closed[0]!.end();
    expect([...(await first)]).toEqual([['a', 'completed']]);
  });

  it('closes at once when it is full, whatever is being completed', async () => {
    void put('t1', 'a', 'b', 'c', 'd');
    void put('t2', 'e', 'f', 'g', 'h');
    await pass(0);
    expect(ids()).toEqual(['a b c d', 'e f g h']);
  });

  it('takes more sessions while another one is being completed, and closes as soon as that has ended', async () => {
    void put('t1', 'a');
    await pass(CLOSE_AFTER_MS);
    void put('t2', 'b');
    await pass(2 * CLOSE_AFTER_MS);
    void put('t3', 'c');
    expect(ids()).toEqual(['a']);
    closed[0]!.end();
    await pass(0);
    expect(ids()).toEqual(['a', 'b c']);
  });

  it('closes after a quarter of a second where that other one does not end', async () => {
    void put('t1', 'a');
    await pass(CLOSE_AFTER_MS);
    void put('t2', 'b');
    await pass(249);
    expect(ids()).toEqual(['a']);
    await pass(1);
    expect(ids()).toEqual(['a', 'b']);
  });

  it('of a tenant whose sessions are completed apart waits for no other, and none for it', async () => {
    run.apart.add('ill');
    void put('t1', 'a');
    await pass(CLOSE_AFTER_MS);
    void put('ill', 'x');
    await pass(CLOSE_AFTER_MS);
    expect(ids()).toEqual(['a', 'x']);
    closed[0]!.end();
    await pass(0);
    void put('t2', 'b');
    await pass(CLOSE_AFTER_MS);
    expect(ids()).toEqual(['a', 'x', 'b']);
  });
});
