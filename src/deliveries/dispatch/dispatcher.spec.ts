import { testConfig } from '../../../test/world/service/service-environment.js';
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

  function build(env: Record<string, string> = {}): void {
    circuits = new CircuitMap();
    alarms = 0;
    const alarm = stubOf(DueAlarm, { setForNow: () => void alarms++ });
    dispatcher = new Dispatcher(testConfig(env), circuits.asCircuits, alarm);
  }

  const submit = (name: string, more: Partial<LaneJob> = {}) => dispatcher.submit(journal.job(name, more));
  const ramped = (destination: string, limit = 1024) => circuits.set(destination, { ...closedCircuit(), limit });

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

    it('keeps to the limit of each kind of destination, however well it does', () => {
      build({
        DELIVERY_CONCURRENCY: '1000',
        DELIVERY_CONCURRENCY_PER_DESTINATION: '3',
        FLOW_TRIGGER_CONCURRENCY: '5',
        ANALYSIS_CONCURRENCY: '4',
      });
      const limits = { 'webhook:1': 3, 'webhook:2': 3, surveys: 5, flow: 5, analysis: 4 };
      for (const destination of Object.keys(limits)) {
        ramped(destination);
        for (let n = 0; n < 10; n++) submit(`${destination}/${n}`);
      }
      for (const [destination, limit] of Object.entries(limits)) {
        expect(journal.running.filter((name) => name.startsWith(`${destination}/`))).toHaveLength(limit);
      }
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
      build({ DELIVERY_CONCURRENCY: '2', DELIVERY_CONCURRENCY_PER_DESTINATION: '2' });
      const taken = () => {
        let count = 0;
        for (; dispatcher.accepts('hook') && count < 1_000; count++) submit(`hook/${count}`);
        return count;
      };
      expect(taken()).toBe(82); // two run, and 80 wait: 2 at once, 50 ms each while nothing is known
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
      submit('hanging/0');
      await jest.advanceTimersByTimeAsync(500);
      submit('healthy/0');
      expect(journal.started).toEqual(['hanging/0']);
      await jest.advanceTimersByTimeAsync(600);
      expect(journal.started).toEqual(['hanging/0', 'healthy/0']);
      await journal.end('hanging/0', 'healthy/0');
      expect(dispatcher.inFlight).toBe(0);
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
      circuits.set('webhook:1', { ...closedCircuit(), state: 'open', openUntil: Infinity, limit: 1 });
      await journal.end('webhook:1/0');
      expect(journal.rejected).toEqual(['webhook:1/2', 'webhook:1/3']);
      expect(dispatcher.accepts('webhook:1')).toBe(false);
      expect(dispatcher.room('webhook:1')).toBe(0);
    });
  });

  describe('room', () => {
    it('is twice what may run at once, and nothing while less than half of that is free', () => {
      ramped('webhook:1', 4);
      expect(dispatcher.room('webhook:1')).toBe(8);
      for (let n = 0; n < 4; n++) submit(`webhook:1/${n}`);
      expect(dispatcher.room('webhook:1')).toBe(4);
      submit('webhook:1/4');
      expect(dispatcher.room('webhook:1')).toBe(0);
    });

    it('is one for a probe', () => {
      circuits.set('webhook:1', { ...closedCircuit(), state: 'probing', limit: 1 });
      expect(dispatcher.room('webhook:1')).toBe(1);
      submit('webhook:1/0', { first: false });
      expect(dispatcher.room('webhook:1')).toBe(0);
      expect(dispatcher.accepts('webhook:1')).toBe(false);
    });
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

  it('removes idle lanes, but keeps circuits with failures', async () => {
    ramped('well', 64);
    circuits.set('unwell', { ...closedCircuit(), failures: 3 });
    expect([dispatcher.accepts('well'), dispatcher.accepts('unwell')]).toEqual([true, true]);
    await jest.advanceTimersByTimeAsync(300);
    expect(circuits.of('well')).toEqual(closedCircuit());
    expect(circuits.of('unwell').failures).toBe(3);
  });
});
