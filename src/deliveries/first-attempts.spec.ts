import { endedSession } from '../../test/support/ended-session.js';
import mongoose from 'mongoose';
import { CompletionStore } from '../../test/support/completion-store.js';
import { testConfig } from '../../test/world/service/service-environment.js';
import { promptLoop } from '../../test/support/prompt-loop.js';
import { stubOf } from '../../test/support/stub.js';
import type { PlannedCompletion } from '../completions/completion.js';
import type { Delivery } from '../completions/delivery.js';
import { DueAlarm } from '../completions/due-alarm.js';
import { OutcomeWriter } from '../completions/outcome-writer.js';
import { giveBack, newDelivery } from '../completions/transitions.js';
import { Clock } from '../persistence/clock.js';
import { CoreClient } from '../platform/core/core.client.js';
import { SurveyDirectory } from '../platform/core/survey-directory.js';
import { MemoryBudget } from '../platform/memory-budget.js';
import { AttemptRunner } from './attempt-runner.js';
import { BodyCache } from './body-cache.js';
import { DeliveryEvents } from './delivery-events.js';
import { Circuits } from './dispatch/circuits.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { FirstAttempts, type Permits, type SessionInFlight } from './first-attempts.js';
import { PayloadSource } from './payload-source.js';

/** Attempts that end when the test says so, and what is written of them. */
class Journal {
  /** Written at once, by session: the states of its deliveries. */
  readonly completed: [string, string[]][] = [];
  /** Written alone, later. */
  readonly settled: string[] = [];
  private readonly ends = new Map<string, (delivery: Delivery) => void>();

  readonly runner = stubOf(AttemptRunner, {
    run: ({ session, delivery }) =>
      new Promise<Delivery>((resolve) => this.ends.set(`${session._id}/${delivery.destination}`, resolve)),
    giveBack: (delivery) => giveBack(delivery, 0),
  });

  readonly writer = stubOf(OutcomeWriter, {
    expect: () => undefined,
    complete: ({ _id, deliveries }) => this.completed.push([_id, deliveries.map(({ state }) => state)]),
    settle: (id, _token, { destination }) => this.settled.push(`${id}/${destination}`),
  });

  async deliver(...names: string[]): Promise<void> {
    for (const name of names) await this.end(name, 'delivered');
  }

  fail(name: string): Promise<void> {
    return this.end(name, 'pending');
  }

  private async end(name: string, state: Delivery['state']): Promise<void> {
    const destination = name.split('/')[1]!;
    this.ends.get(name)!({ ...newDelivery(destination, { token: 'l1', until: new Date(0) }), state });
    await jest.advanceTimersByTimeAsync(0);
  }
}

describe('FirstAttempts', () => {
  let journal: Journal;
  let dispatcher: Dispatcher;
  let attempts: FirstAttempts;
  let bodies: BodyCache;

  function build(env: Record<string, string> = {}): void {
    const config = testConfig(env);
    const clock = new Clock();
    const alarm = new DueAlarm(clock);
    const { destinations } = new CompletionStore(mongoose.createConnection()); // never opened: no circuit changes
    dispatcher = new Dispatcher(
      config,
      new Circuits(config, clock, destinations, alarm, new DeliveryEvents()),
      alarm,
      promptLoop(),
    );
    const { runner, writer } = journal;
    attempts = new FirstAttempts(
      config,
      clock,
      dispatcher,
      runner,
      writer,
      new SurveyDirectory(stubOf(CoreClient, {})),
      (bodies = new BodyCache(new MemoryBudget(config))),
    );
  }

  beforeEach(() => {
    jest.useFakeTimers();
    journal = new Journal();
    build();
  });

  afterEach(() => {
    dispatcher.stop();
    jest.useRealTimers();
  });

  function ended(id: string, ...destinations: string[]): SessionInFlight {
    const planned: PlannedCompletion = { ...endedSession(id, new Date(0)), destinations };
    return { planned, source: stubOf(PayloadSource, {}) };
  }

  function begin(...sessions: SessionInFlight[]): void {
    attempts.begin({ lease: 'l1', leaseUntil: new Date(Date.now() + 60_000) }, sessions, new Map(), { whole: true });
  }

  /** Asks for permits. @returns them, once they have been given */
  function ask(sessions: number): { given?: Permits } {
    const asked: { given?: Permits } = {};
    void attempts.reserve(sessions).then((permits) => (asked.given = permits));
    return asked;
  }

  const given = (...asked: { given?: Permits }[]) => asked.map((one) => one.given !== undefined);

  const turn = () => jest.advanceTimersByTimeAsync(0);

  it('gives permits first come, first served, and no more than 200', async () => {
    const [first, second, third] = [ask(120), ask(100), ask(10)];
    await turn();
    expect(given(first, second, third)).toEqual([true, false, false]);
    first.given!.release();
    await turn();
    expect(given(second, third)).toEqual([true, true]);
  });

  it('takes back the permits that a page does not need, once', async () => {
    const [page, next, last] = [ask(200), ask(190), ask(10)];
    await turn();
    page.given!.keep(10);
    page.given!.keep(200); // more than it has
    await turn();
    expect(given(next, last)).toEqual([true, false]);
    page.given!.release();
    page.given!.release();
    await turn();
    expect(given(last, ask(1))).toEqual([true, false]);
  });

  it('has permits for two pages of any length', async () => {
    build({ SESSION_PAGE_SIZE: '1000' });
    const [first, second, third] = [ask(1_000), ask(1_000), ask(1)];
    await turn();
    expect(given(first, second, third)).toEqual([true, true, false]);
  });

  it('keeps the permit of a session until its outcomes are handed to the writer', async () => {
    const first = ask(1);
    await turn();
    begin(ended('s1', 'a', 'b'));
    first.given!.release();
    const next = ask(200);
    await journal.deliver('s1/a');
    expect(given(next)).toEqual([false]);
    await journal.deliver('s1/b');
    expect(given(next)).toEqual([true]);
  });

  it('gives the permit of a session that is written while its last attempt hangs to the next one', async () => {
    const first = ask(200);
    await turn();
    begin(ended('s1', 'a', 'hangs'));
    first.given!.keep(199);
    const next = ask(1);
    await journal.deliver('s1/a');
    expect(given(next)).toEqual([false]);
    await jest.advanceTimersByTimeAsync(600);
    expect([journal.completed.length, ...given(next)]).toEqual([1, true]);
  });

  it('gives no permit while too many first attempts wait for their turn', async () => {
    const destinations = Array.from({ length: 1_200 }, (_, index) => `webhook:${index}`);
    begin(ended('s1', ...destinations));
    const next = ask(1);
    await turn();
    expect([dispatcher.waitingFirst > 1_024, ...given(next)]).toEqual([true, false]);
    await journal.deliver(...destinations.slice(0, 150).map((destination) => `s1/${destination}`));
    expect([dispatcher.waitingFirst < 1_024, ...given(next)]).toEqual([true, true]);
  });

  it('writes the outcomes of a session once, when all are in', async () => {
    begin(ended('s1', 'a', 'b'));
    await jest.advanceTimersByTimeAsync(5_000); // nothing has come of it yet: nothing to write down
    expect(journal.completed).toEqual([]);
    await journal.deliver('s1/a', 's1/b');
    expect([journal.completed, journal.settled]).toEqual([[['s1', ['delivered', 'delivered']]], []]);
  });

  it('writes what is cancelled from the start with the outcomes of the others, and attempts nothing of it', async () => {
    const session = ended('s1', 'a');
    begin({ ...session, planned: { ...session.planned, cancelled: ['webhook:7', 'webhook:8'] } });
    await journal.deliver('s1/a');
    await turn();
    expect([journal.completed, journal.settled]).toEqual([[['s1', ['delivered', 'cancelled', 'cancelled']]], []]);
    expect([dispatcher.inFlight, dispatcher.waitingFirst]).toEqual([0, 0]);
  });

  it('waits for a slow destination no longer than half a second after the first outcome', async () => {
    begin(ended('s1', 'a', 'slow'));
    await journal.deliver('s1/a');
    await jest.advanceTimersByTimeAsync(400);
    expect(journal.completed).toEqual([]);
    await jest.advanceTimersByTimeAsync(200);
    expect(journal.completed).toEqual([['s1', ['delivered', 'pending']]]);
    await journal.deliver('s1/slow');
    expect(journal.settled).toEqual(['s1/slow']);
  });

  it('keeps the body for a later attempt as soon as one is needed, and closes its source after the last', async () => {
    const closed: string[] = [];
    const body = Buffer.from('{}');
    const session = ended('s1', 'flow:t1', 'webhook:1');
    const source = stubOf(PayloadSource, { close: () => closed.push('s1') });
    Object.defineProperty(source, 'bodyInMemory', { value: body });
    begin({ ...session, source });
    await journal.deliver('s1/flow:t1');
    expect([bodies.get('s1'), closed]).toEqual([undefined, []]);
    await journal.fail('s1/webhook:1');
    expect([bodies.get('s1'), closed]).toEqual([body, ['s1']]);
  });

  it('writes down what is known at the stop', async () => {
    begin(ended('s1', 'a', 'b'));
    await journal.deliver('s1/b');
    attempts.writeAll();
    expect(journal.completed).toEqual([['s1', ['pending', 'delivered']]]);
  });
});
