import fc from 'fast-check';
import { CircuitMap } from '../../../test/support/circuit-map.js';
import { testConfig } from '../../../test/world/service/service-environment.js';
import { promptLoop } from '../../../test/support/prompt-loop.js';
import { stubOf } from '../../../test/support/stub.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import { closedCircuit } from './circuit.js';
import { Dispatcher } from './dispatcher.js';

/** As in the dispatcher: so many starts, and one of them goes to a retry if one waits. */
const RETRY_EVERY = 8;

interface Started {
  lane: string;
  first: boolean;
  /** Of its kind, when it came: how many waited, how many of them in its own lane. */
  before: number;
  ownBefore: number;
  /** Of its kind: how many were started since it came. */
  passed: number;
  /** What was waiting just before, by lane: first attempts and retries. */
  waiting: Map<string, [number, number]>;
}

/** A dispatcher, and a journal of what it started while what was waiting. */
class Bench {
  readonly started: Started[] = [];
  readonly running: { lane: string; first: boolean; end: () => void }[] = [];
  readonly rejected: string[] = [];
  private readonly starts: [number, number] = [0, 0];
  private readonly waiting = new Map<string, [number, number]>();
  readonly circuits = new CircuitMap();
  readonly dispatcher: Dispatcher;

  constructor(env: Record<string, string>) {
    const alarm = stubOf(DueAlarm, { setForNow: () => undefined });
    this.dispatcher = new Dispatcher(testConfig(env), this.circuits.asCircuits, alarm, promptLoop());
  }

  submit(lane: string, first: boolean): void {
    const counts = this.waiting.get(lane) ?? this.waiting.set(lane, [0, 0]).get(lane)!;
    counts[first ? 0 : 1]++;
    const reject = () => {
      counts[first ? 0 : 1]--;
      this.rejected.push(lane);
    };
    const kind = first ? 0 : 1;
    const came = {
      before: [...this.waiting.values()].reduce((sum, one) => sum + one[kind], -1),
      ownBefore: counts[kind] - 1,
      startsThen: this.starts[kind],
    };
    const run = () => this.run(lane, first, came);
    this.dispatcher.submit({ destination: lane, first, alone: false, run, reject });
  }

  /** Ends one of those that run. */
  async end(which: number): Promise<void> {
    const [job] = this.running.splice(which % this.running.length, 1);
    job!.end();
    for (let n = 0; n < 4; n++) await Promise.resolve();
  }

  private run(lane: string, first: boolean, came: { before: number; ownBefore: number; startsThen: number }) {
    const copy = new Map([...this.waiting].map(([name, counts]) => [name, [...counts] as [number, number]]));
    const kind = first ? 0 : 1;
    const { before, ownBefore, startsThen } = came;
    this.started.push({ lane, first, before, ownBefore, passed: this.starts[kind]++ - startsThen, waiting: copy });
    this.waiting.get(lane)![kind]--;
    return new Promise<void>((end) => this.running.push({ lane, first, end }));
  }
}

const LANES = ['flow:t1', 'surveys:t2', 'analysis:t1', 'webhook:1', 'webhook:2', 'webhook:3'];
const lane = fc.constantFrom(...LANES);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ lane, first: fc.boolean(), times: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 4, arbitrary: fc.record({ end: fc.nat() }) },
);
type Step = { lane: string; first: boolean; times: number } | { end: number };
const steps = fc.array<Step>(step, { maxLength: 120 });
const atOnce = fc.integer({ min: 1, max: 6 });

describe('Dispatcher, for any sequence of jobs', () => {
  // its sweep must not turn anything away while a busy machine takes its time
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  async function follow(bench: Bench, script: readonly Step[]) {
    for (const one of script) {
      if ('lane' in one) for (let n = 0; n < one.times; n++) bench.submit(one.lane, one.first);
      else if (bench.running.length > 0) await bench.end(one.end);
    }
  }

  const submitted = (script: readonly object[]) =>
    script.reduce((sum, one) => sum + ('times' in one ? (one.times as number) : 0), 0);

  it('runs every job once, and never more at once than it may', async () => {
    await fc.assert(
      fc.asyncProperty(steps, atOnce, atOnce, async (script, overAll, perLane) => {
        const bench = new Bench({
          DELIVERY_CONCURRENCY: String(overAll),
          DELIVERY_MAX_CONCURRENCY_PER_DESTINATION: String(perLane),
          FLOW_TRIGGER_CONCURRENCY: String(perLane),
          ANALYSIS_CONCURRENCY: String(perLane),
        });
        const check = () => {
          expect(bench.running.length).toBeLessThanOrEqual(overAll);
          for (const { lane: name } of bench.running) {
            const beside = bench.running.filter((one) => one.lane === name).length;
            expect(beside).toBeLessThanOrEqual(perLane);
          }
          const ofPublisher = bench.running.filter(({ lane: name }) => /^(flow|surveys):/.test(name));
          expect(ofPublisher.length).toBeLessThanOrEqual(perLane);
        };
        for (const one of script) {
          await follow(bench, [one]);
          check();
        }
        while (bench.running.length > 0) await bench.end(0);
        expect(bench.started).toHaveLength(submitted(script));
        expect(bench.rejected).toEqual([]);
        expect(bench.dispatcher.inFlight).toBe(0);
        bench.dispatcher.stop();
      }),
      { numRuns: 100 },
    );
  });

  it('rejects waiting jobs when it stops or a circuit opens, and loses none', async () => {
    await fc.assert(
      fc.asyncProperty(steps, atOnce, lane, async (script, overAll, opened) => {
        const bench = new Bench({ DELIVERY_CONCURRENCY: String(overAll) });
        await follow(bench, script);
        bench.circuits.set(opened, { ...closedCircuit(), state: 'open', openUntil: Infinity });
        const startedBefore = bench.started.length;
        bench.dispatcher.stop();
        while (bench.running.length > 0) await bench.end(0);
        expect(bench.started).toHaveLength(startedBefore);
        expect(bench.started.length + bench.rejected.length).toBe(submitted(script));
      }),
      { numRuns: 100 },
    );
  });

  describe('while only the limit over all is short', () => {
    /** Every lane, at first given two at once, could start: whose turn it is decides alone. */
    const upToTwo = fc.integer({ min: 1, max: 2 });

    async function backlog(script: Step[], overAll: number) {
      const bench = new Bench({
        DELIVERY_CONCURRENCY: String(overAll),
        FLOW_TRIGGER_CONCURRENCY: '1024',
        ANALYSIS_CONCURRENCY: '1024',
      });
      await follow(bench, script);
      while (bench.running.length > 0) await bench.end(0);
      bench.dispatcher.stop();
      return bench.started;
    }

    const load = fc.array(fc.record({ lane, first: fc.boolean(), times: fc.integer({ min: 1, max: 30 }) }), {
      minLength: 2,
      maxLength: 12,
    });
    const waitingOf = ({ waiting }: Started, kind: 0 | 1) =>
      [...waiting].filter(([, counts]) => counts[kind] > 0).map(([name]) => name);

    it('no lane starves: no job is passed by more often than there were jobs before it', async () => {
      await fc.assert(
        fc.asyncProperty(steps, upToTwo, async (script, overAll) => {
          for (const { passed, before, ownBefore } of await backlog(script, overAll)) {
            // turn by turn each lane goes once for each one before it in its own lane; else what came first starts first
            expect(passed).toBeLessThanOrEqual(before + (ownBefore + 1) * LANES.length);
          }
        }),
        { numRuns: 200 },
      );
    });

    it('first attempts go before retries, and yet a retry goes at every eighth start', async () => {
      await fc.assert(
        fc.asyncProperty(load, upToTwo, async (script, overAll) => {
          const started = await backlog(script, overAll);
          for (const [at, one] of started.entries()) {
            const both = waitingOf(one, 0).length > 0 && waitingOf(one, 1).length > 0;
            if (both) expect([at, one.first]).toEqual([at, at % RETRY_EVERY !== RETRY_EVERY - 1]);
          }
        }),
        { numRuns: 100 },
      );
    });
  });
});
