import { testConfig } from '../../../test/world/service/service-environment.js';
import { promptLoop } from '../../../test/support/prompt-loop.js';
import { stubOf } from '../../../test/support/stub.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import { closedCircuit } from './circuit.js';
import { CircuitMap } from '../../../test/support/circuit-map.js';
import { Dispatcher } from './dispatcher.js';
import type { LaneJob } from './lane.js';

/** Jobs that write down what becomes of them, and end when the test says so. */
class Journal {
  readonly started: string[] = [];
  readonly rejected: string[] = [];
  private readonly ends = new Map<string, () => void>();

  job(name: string, more: Partial<LaneJob> = {}): LaneJob {
    return {
      destination: name.split('/')[0]!,
      first: true,
      alone: false,
      run: () => {
        this.started.push(name);
        return new Promise<void>((resolve) => this.ends.set(name, resolve));
      },
      reject: () => this.rejected.push(name),
      ...more,
    };
  }

  async end(...names: string[]): Promise<void> {
    for (const name of names) {
      this.ends.get(name)!();
      this.ends.delete(name);
      await jest.advanceTimersByTimeAsync(0);
    }
  }

  get running(): string[] {
    return [...this.ends.keys()];
  }
}

describe('Dispatcher', () => {
  let journal: Journal;
  let dispatcher: Dispatcher;
  let circuits: CircuitMap;
  let alarms: number;

  function build(env: Record<string, string> = {}, lateMs = 0): void {
    circuits = new CircuitMap();
    alarms = 0;
    const alarm = stubOf(DueAlarm, { setForNow: () => void alarms++ });
    dispatcher = new Dispatcher(testConfig(env), circuits.asCircuits, alarm, promptLoop(lateMs));
  }

  const submit = (name: string, more: Partial<LaneJob> = {}) => dispatcher.submit(journal.job(name, more));
  let rounds = 0;
  /** Has a destination answer well at its limit, for some rounds: each of them doubles the limit. */
  async function ramp(destination: string, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const before = journal.running;
      const names = Array.from({ length: dispatcher.room(destination) }, (_, job) => `${destination}/ramp-${rounds++}-${job}`); // prettier-ignore
      for (const name of names) submit(name);
      const running = journal.running.filter((name) => !before.includes(name));
      running.forEach(() => dispatcher.note(destination, { result: 'delivered', statusCode: 200, durationMs: 5 }));
      while (journal.running.length > before.length) await journal.end(journal.running.at(-1)!);
    }
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

  describe('limits', () => {
    it('starts with two at once at an unknown destination', () => {
      for (let n = 0; n < 5; n++) submit(`webhook:1/${n}`);
      expect(journal.started).toEqual(['webhook:1/0', 'webhook:1/1']);
    });

    it('finds out how many a destination takes, up to the maximum', async () => {
      build({ DELIVERY_MAX_CONCURRENCY_PER_DESTINATION: '12' });
      const found: number[] = [];
      for (let round = 0; round < 4; round++) {
        found.push(...[...dispatcher.limits()].map(({ limit }) => limit));
        await ramp('webhook:1', 1);
      }
      expect([...dispatcher.limits()]).toEqual([{ channel: 'webhook', limit: 12 }]);
      expect(found).toEqual([4, 8, 12]);
    });

    it('halves it when the destination is overloaded, and starts nothing while it asks to wait', async () => {
      await ramp('webhook:1', 3);
      const overloaded = { result: 'failed', statusCode: 429, code: 'http_429', message: '', durationMs: 5, retryable: true } as const; // prettier-ignore
      submit('webhook:1/0');
      dispatcher.note('webhook:1', { ...overloaded, retryAfterMs: 3_000 });
      expect([...dispatcher.limits()]).toEqual([{ channel: 'webhook', limit: 8 }]);
      expect([dispatcher.room('webhook:1'), dispatcher.accepts('webhook:1')]).toEqual([0, false]);
      dispatcher.wakeWhenRoom('webhook:1');
      expect(dispatcher.withoutRoom()).toEqual(['webhook:1']);
      await journal.end('webhook:1/0');
      await jest.advanceTimersByTimeAsync(3_250);
      expect([dispatcher.room('webhook:1'), alarms, dispatcher.withoutRoom()]).toEqual([16, 1, []]);
    });

    it('leaves an open circuit to the retry worker, which asks whether it may probe', () => {
      dispatcher.wakeWhenRoom('webhook:1');
      circuits.set('webhook:1', { ...closedCircuit(), state: 'open', openUntil: Infinity });
      expect([dispatcher.room('webhook:1'), dispatcher.withoutRoom()]).toEqual([0, []]);
    });

    it('learns nothing from answers that waited for this process itself', () => {
      build({}, 50);
      submit('webhook:1/0');
      submit('webhook:1/1');
      dispatcher.note('webhook:1', { result: 'delivered', statusCode: 200, durationMs: 100 });
      expect([...dispatcher.limits()]).toEqual([{ channel: 'webhook', limit: 2 }]);
      dispatcher.note('webhook:1', { result: 'delivered', statusCode: 200, durationMs: 500 });
      expect([...dispatcher.limits()]).toEqual([{ channel: 'webhook', limit: 3 }]);
    });

    it('keeps to the limit over all, and who came first goes first', async () => {
      build({ DELIVERY_CONCURRENCY: '2' });
      submit('x/0');
      submit('y/0');
      for (const destination of ['a', 'b', 'c']) for (let n = 0; n < 2; n++) submit(`${destination}/${n}`);
      expect(dispatcher.inFlight).toBe(2);
      for (let n = 0; n < 6; n++) await journal.end(journal.running[0]!);
      expect(journal.started.slice(2)).toEqual(['a/0', 'a/1', 'b/0', 'b/1', 'c/0', 'c/1']);
    });

    it('passes by a destination that is full, so that no other destination waits for it', () => {
      build({ DELIVERY_CONCURRENCY: '3' });
      submit('full/0');
      submit('full/1'); // at first a destination gets two at once
      submit('full/2');
      submit('other/0');
      expect(journal.running).toEqual(['full/0', 'full/1', 'other/0']);
    });

    it('takes as many first attempts of a destination as it serves in two seconds at its pace', () => {
      build({ DELIVERY_CONCURRENCY: '2', DELIVERY_MAX_CONCURRENCY_PER_DESTINATION: '2' });
      const taken = () => {
        let count = 0;
        for (; dispatcher.accepts('hook') && count < 1_000; count++) submit(`hook/${count}`);
        return count;
      };
      expect(taken()).toBe(82); // two run, and 80 wait: 2 at once, 50 ms each while nothing is known
    });
  });

  describe("the limit of one of the platform's services", () => {
    const of = (prefix: string) => journal.running.filter((name) => name.startsWith(prefix)).length;
    const many = (destination: string, count: number) => {
      for (let n = 0; n < count; n++) submit(`${destination}/${n}`);
    };

    it('is shared by all tenants, and by flows and surveys; one tenant alone may use all of it', async () => {
      build({ FLOW_TRIGGER_CONCURRENCY: '16' });
      await ramp('flow:a', 5);
      await ramp('surveys:a', 5);
      many('flow:a', 10);
      many('surveys:a', 10);
      expect([of('flow:a'), of('surveys:a')]).toEqual([10, 6]);
    });

    it('leaves a tenant an eighth at most while another one waits', async () => {
      build({ FLOW_TRIGGER_CONCURRENCY: '16' });
      await ramp('flow:a', 5);
      many('flow:a', 40);
      many('flow:b', 2);
      expect([of('flow:a'), of('flow:b')]).toEqual([16, 0]);
      await journal.end('flow:a/0');
      expect([of('flow:a'), of('flow:b')]).toEqual([15, 1]);
      for (let n = 1; n < 8; n++) await journal.end(`flow:a/${n}`);
      // nobody else waits any more: it may use the rest
      expect([of('flow:a'), of('flow:b')]).toEqual([14, 2]);
    });

    it('is left by attempts over a second, so that other tenants are triggered within two', async () => {
      build({ FLOW_TRIGGER_CONCURRENCY: '16' });
      await ramp('flow:slow', 5);
      many('flow:slow', 64);
      expect(of('flow:slow')).toBe(16);
      for (let n = 0; n < 20; n++) submit(`flow:t${n}/0`);
      await jest.advanceTimersByTimeAsync(1_250);
      expect(of('flow:t')).toBeGreaterThanOrEqual(8);
      await jest.advanceTimersByTimeAsync(750);
      expect(of('flow:t')).toBe(20);
    });
  });

  it('sets the alarm when a destination that wanted more has room again, once', async () => {
    for (let n = 0; n < 4; n++) submit(`hook/${n}`);
    expect(dispatcher.room('hook')).toBe(0);
    dispatcher.wakeWhenRoom('hook');
    await journal.end('hook/0');
    expect([dispatcher.room('hook'), alarms]).toEqual([0, 0]);
    await journal.end('hook/1');
    expect([dispatcher.room('hook'), alarms]).toEqual([2, 1]);
    await journal.end('hook/2');
    expect(alarms).toBe(1);
  });

  describe('first attempts and retries', () => {
    it('lets first attempts go first, and yet a retry now and then', async () => {
      build({ DELIVERY_CONCURRENCY: '1' });
      submit('x/0');
      for (let n = 0; n < 20; n++) submit(`first${n}/0`);
      submit('retry/0', { first: false });
      submit('retry/1', { first: false });
      for (let n = 0; n < 16; n++) await journal.end(journal.running[0]!);
      const retries = journal.started.flatMap((name, index) => (name.startsWith('retry') ? [index] : []));
      expect(retries).toEqual([7, 15]);
    });

    it('gives retries every slot that first attempts leave', () => {
      submit('retry/0', { first: false });
      submit('retry/1', { first: false });
      expect(journal.started).toEqual(['retry/0', 'retry/1']);
    });
  });

  describe('slow attempts', () => {
    it('gives the slot of an attempt that hangs to another destination', async () => {
      build({ DELIVERY_CONCURRENCY: '1' });
      await ramp('hanging', 1);
      submit('hanging/0');
      await jest.advanceTimersByTimeAsync(500);
      submit('healthy/0');
      expect(journal.running).toEqual(['hanging/0']);
      await jest.advanceTimersByTimeAsync(600);
      expect(journal.running).toEqual(['hanging/0', 'healthy/0']);
      await journal.end('hanging/0', 'healthy/0');
      expect(dispatcher.inFlight).toBe(0);
    });

    it('gives it much sooner where nothing is known of the destination', async () => {
      build({ DELIVERY_CONCURRENCY: '1' });
      submit('hanging/0');
      submit('healthy/0');
      await jest.advanceTimersByTimeAsync(250);
      expect(journal.running).toEqual(['hanging/0', 'healthy/0']);
    });

    it('keeps half of all for destinations that are known to answer, however many others hang', async () => {
      build({ DELIVERY_CONCURRENCY: '16' });
      await ramp('healthy', 3);
      for (let n = 0; n < 100; n++) submit(`hanging${n}/0`);
      for (let n = 0; n < 8; n++) submit(`healthy/${n}`);
      expect(journal.running.filter((name) => name.startsWith('healthy'))).toHaveLength(8);
    });

    it('counts them against their own lane still, and takes nothing more for it', async () => {
      submit('hanging/0');
      submit('hanging/1');
      expect(dispatcher.accepts('hanging')).toBe(true);
      await jest.advanceTimersByTimeAsync(1_100);
      submit('hanging/2');
      expect(journal.started).toEqual(['hanging/0', 'hanging/1']);
      expect(dispatcher.accepts('hanging')).toBe(false);
      expect(dispatcher.room('hanging')).toBe(0);
      expect(dispatcher.accepts('healthy')).toBe(true);
    });

    it('starts no more in slow lanes once very many hang, and goes on in healthy ones', async () => {
      build({ DELIVERY_CONCURRENCY: '1' });
      for (let n = 0; n < 5; n++) {
        submit(`hanging${n}/0`);
        await jest.advanceTimersByTimeAsync(1_250);
      }
      submit('hanging0/1');
      expect(journal.running).not.toContain('hanging0/1');
      submit('healthy/0');
      expect(journal.running).toContain('healthy/0');
    });
  });

  describe('patience', () => {
    it('rejects a job that was not started within a second', async () => {
      submit('webhook:1/0');
      submit('webhook:1/1');
      submit('webhook:1/2');
      await jest.advanceTimersByTimeAsync(900);
      expect(journal.rejected).toEqual([]);
      await jest.advanceTimersByTimeAsync(350);
      expect(journal.rejected).toEqual(['webhook:1/2']);
      await journal.end('webhook:1/0', 'webhook:1/1');
      expect(journal.started).toEqual(['webhook:1/0', 'webhook:1/1']);
    });

    it('rejects the waiting jobs of a destination whose circuit opens', async () => {
      for (let n = 0; n < 4; n++) submit(`webhook:1/${n}`);
      circuits.set('webhook:1', { ...closedCircuit(), state: 'open', openUntil: Infinity });
      await journal.end('webhook:1/0');
      expect(journal.rejected).toEqual(['webhook:1/2', 'webhook:1/3']);
      expect(dispatcher.accepts('webhook:1')).toBe(false);
      expect(dispatcher.room('webhook:1')).toBe(0);
    });
  });

  describe('room', () => {
    it('is twice what may run at once, and nothing while less than half of that is free', async () => {
      await ramp('webhook:1', 1);
      expect(dispatcher.room('webhook:1')).toBe(8);
      for (let n = 0; n < 4; n++) submit(`webhook:1/${n}`);
      expect(dispatcher.room('webhook:1')).toBe(4);
      submit('webhook:1/4');
      expect(dispatcher.room('webhook:1')).toBe(0);
    });

    it('is one for a probe', () => {
      circuits.set('webhook:1', { ...closedCircuit(), state: 'probing' });
      expect(dispatcher.room('webhook:1')).toBe(1);
      submit('webhook:1/0', { first: false });
      expect(dispatcher.room('webhook:1')).toBe(0);
      expect(dispatcher.accepts('webhook:1')).toBe(false);
    });
  });

  it('starts a probe beside attempts that hang since before, and claims no other for it', async () => {
    for (let n = 0; n < 2; n++) submit(`webhook:1/old-${n}`);
    await jest.advanceTimersByTimeAsync(5_000);
    circuits.set('webhook:1', { ...closedCircuit(Date.now()), state: 'probing' });
    expect(dispatcher.room('webhook:1')).toBe(1);
    submit('webhook:1/probe', { first: false });
    expect([journal.started.at(-1), dispatcher.room('webhook:1')]).toEqual(['webhook:1/probe', 0]);
  });

  it('tells whose destinations had an attempt since then', async () => {
    const since = (ms: number) => dispatcher.attemptedSince(Date.now() - ms).map(({ destination }) => destination);
    dispatcher.accepts('webhook:2');
    submit('webhook:1/0');
    await jest.advanceTimersByTimeAsync(5_000);
    expect(since(1_000)).toEqual(['webhook:1']);
    await journal.end('webhook:1/0');
    await jest.advanceTimersByTimeAsync(2_000);
    expect([since(1_000), since(3_000)]).toEqual([[], ['webhook:1']]);
  });

  describe('a job that runs alone', () => {
    it('waits for the others, lets none start beside it, and then lets all go on', async () => {
      submit('a/0');
      submit('b/0');
      submit('bad/0', { alone: true, first: false });
      submit('c/0');
      expect(journal.started).toEqual(['a/0', 'b/0']);
      await journal.end('a/0');
      expect(journal.started).toEqual(['a/0', 'b/0']);
      await journal.end('b/0');
      expect(journal.running).toEqual(['bad/0']);
      submit('d/0');
      expect(journal.running).toEqual(['bad/0']);
      await journal.end('bad/0');
      expect(journal.running).toEqual(['c/0', 'd/0']);
    });

    it('lets several of them run one after the other', async () => {
      submit('bad/0', { alone: true });
      submit('bad/1', { alone: true });
      expect(journal.running).toEqual(['bad/0']);
      await journal.end('bad/0');
      expect(journal.running).toEqual(['bad/1']);
    });
  });

  describe('a stop', () => {
    it('rejects waiting and new jobs, and lets running ones end', async () => {
      for (let n = 0; n < 3; n++) submit(`webhook:1/${n}`);
      submit('bad/0', { alone: true });
      dispatcher.onModuleDestroy();
      submit('late/0');
      expect(journal.rejected).toEqual(['webhook:1/2', 'bad/0', 'late/0']);
      expect(dispatcher.inFlight).toBe(2);
      expect(dispatcher.accepts('another')).toBe(false);
      expect(dispatcher.room('another')).toBe(0);
      await journal.end('webhook:1/0', 'webhook:1/1');
      expect(dispatcher.inFlight).toBe(0);
      expect(journal.started).toEqual(['webhook:1/0', 'webhook:1/1']);
    });
  });

  it('forgets what has been idle for a minute, but no circuit with failures', async () => {
    circuits.set('well', { ...closedCircuit(), openings: 3 });
    circuits.set('unwell', { ...closedCircuit(), failures: 3 });
    expect([dispatcher.accepts('well'), dispatcher.accepts('unwell')]).toEqual([true, true]);
    await jest.advanceTimersByTimeAsync(59_000);
    expect(circuits.of('well').openings).toBe(3);
    await jest.advanceTimersByTimeAsync(1_250);
    expect(circuits.of('well')).toEqual(closedCircuit());
    expect(circuits.of('unwell').failures).toBe(3);
  });
});
