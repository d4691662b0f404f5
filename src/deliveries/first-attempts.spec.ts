import { testConfig } from '../../test/support/service-environment.js';
import { Clock } from '../persistence/clock.js';
import type { CoreClient } from '../platform/core/core.client.js';
import { SurveyDirectory } from '../platform/core/survey-directory.js';
import type { AttemptRunner } from './attempt-runner.js';
import type { Attempt } from './channels/delivery-channel.js';
import { type Completion, type Delivery, newDelivery } from './completion.js';
import { Dispatcher } from './dispatcher.js';
import { type EndedSession, FirstAttempts, type Places } from './first-attempts.js';
import type { OutcomeWriter } from './outcome-writer.js';
import type { SessionMaterial } from './session-material.js';

/** Attempts that end when the test says so, and what is written of them. */
class Journal {
  /** Written at once, by session: the states of its deliveries. */
  readonly handedOver: [string, string[]][] = [];
  /** Written alone, later. */
  readonly settled: string[] = [];
  private readonly ends = new Map<string, (delivery: Delivery) => void>();

  readonly runner = {
    run: ({ completion, delivery }: Attempt) =>
      new Promise<Delivery>((resolve) => this.ends.set(`${completion._id}/${delivery.destination}`, resolve)),
  } as unknown as AttemptRunner;

  readonly writer = {
    handOver: ({ _id }: Completion, deliveries: Delivery[]) =>
      this.handedOver.push([_id, deliveries.map(({ state }) => state)]),
    settle: (id: string, _: string, { destination }: Delivery) => this.settled.push(`${id}/${destination}`),
  } as unknown as OutcomeWriter;

  async deliver(...names: string[]): Promise<void> {
    for (const name of names) {
      this.ends.get(name)!({ ...newDelivery(name.split('/')[1]!), state: 'delivered' });
      await jest.advanceTimersByTimeAsync(0);
    }
  }
}

describe('FirstAttempts', () => {
  let journal: Journal;
  let dispatcher: Dispatcher;
  let attempts: FirstAttempts;

  function build(env: Record<string, string> = {}): void {
    const config = testConfig(env);
    dispatcher = new Dispatcher(config);
    const { runner, writer } = journal;
    const nobody = {};
    attempts = new FirstAttempts(
      config,
      new Clock(),
      dispatcher,
      runner,
      writer,
      new SurveyDirectory(nobody as CoreClient),
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

  function ended(id: string, ...destinations: string[]): EndedSession {
    const deliveries = destinations.map((destination) => newDelivery(destination));
    const leaseUntil = new Date(Date.now() + 60_000);
    const completion: Partial<Completion> = { _id: id, lease: 'l1', leaseUntil, deliveries };
    return { completion: completion as Completion, material: {} as SessionMaterial };
  }

  /** Asks for places. @returns them, once they have been given */
  function ask(sessions: number): { given?: Places } {
    const asked: { given?: Places } = {};
    void attempts.reserve(sessions).then((places) => (asked.given = places));
    return asked;
  }

  const given = (...asked: { given?: Places }[]) => asked.map((one) => one.given !== undefined);

  const turn = () => jest.advanceTimersByTimeAsync(0);

  it('gives places first come, first served, and no more than 200', async () => {
    const [first, second, third] = [ask(120), ask(100), ask(10)];
    await turn();
    expect(given(first, second, third)).toEqual([true, false, false]);
    first.given!.release();
    await turn();
    expect(given(second, third)).toEqual([true, true]);
  });

  it('takes back what a page has no sessions for, once', async () => {
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

  it('has places for two pages, however long they are', async () => {
    build({ SESSION_PAGE_SIZE: '1000' });
    const [first, second, third] = [ask(1_000), ask(1_000), ask(1)];
    await turn();
    expect(given(first, second, third)).toEqual([true, true, false]);
  });

  it('keeps the place of a session until its outcomes are handed over', async () => {
    const first = ask(1);
    await turn();
    attempts.begin([ended('s1', 'a', 'b')], new Map());
    first.given!.release();
    const next = ask(200);
    await journal.deliver('s1/a');
    expect(given(next)).toEqual([false]);
    await journal.deliver('s1/b');
    expect(given(next)).toEqual([true]);
  });

  it('gives no place while too many first attempts wait for their turn', async () => {
    const destinations = Array.from({ length: 1_200 }, (_, index) => `webhook:${index}`);
    attempts.begin([ended('s1', ...destinations)], new Map());
    const next = ask(1);
    await turn();
    expect([dispatcher.waitingFirst > 1_024, ...given(next)]).toEqual([true, false]);
    await journal.deliver(...destinations.slice(0, 150).map((destination) => `s1/${destination}`));
    expect([dispatcher.waitingFirst < 1_024, ...given(next)]).toEqual([true, true]);
  });

  it('writes the outcomes of a session once, when all are in', async () => {
    attempts.begin([ended('s1', 'a', 'b')], new Map());
    await jest.advanceTimersByTimeAsync(5_000); // nothing has come of it yet: nothing to write down
    expect(journal.handedOver).toEqual([]);
    await journal.deliver('s1/a', 's1/b');
    expect([journal.handedOver, journal.settled]).toEqual([[['s1', ['delivered', 'delivered']]], []]);
  });

  it('waits for a slow destination no longer than half a second after the first outcome', async () => {
    attempts.begin([ended('s1', 'a', 'slow')], new Map());
    await journal.deliver('s1/a');
    await jest.advanceTimersByTimeAsync(400);
    expect(journal.handedOver).toEqual([]);
    await jest.advanceTimersByTimeAsync(200);
    expect(journal.handedOver).toEqual([['s1', ['delivered', 'owed']]]);
    await journal.deliver('s1/slow');
    expect(journal.settled).toEqual(['s1/slow']);
  });

  it('writes down what is known at the stop', async () => {
    attempts.begin([ended('s1', 'a', 'b')], new Map());
    await journal.deliver('s1/b');
    attempts.handOverAll();
    expect(journal.handedOver).toEqual([['s1', ['owed', 'delivered']]]);
  });
});
