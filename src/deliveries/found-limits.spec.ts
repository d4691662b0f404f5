import { stubOf } from '../../test/support/stub.js';
import { DestinationRepository } from '../completions/destination.repository.js';
import type { FoundState } from '../completions/found-limits.js';
import { type Circuit, closedCircuit } from './dispatch/circuit.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { FoundLimits } from './found-limits.js';

describe('FoundLimits', () => {
  let lanes: { destination: string; found: number; circuit: Circuit }[];
  let written: FoundState[][];
  let isDown: boolean;
  let limits: FoundLimits;

  beforeEach(() => {
    jest.useFakeTimers();
    [lanes, written, isDown] = [[], [], false];
    const dispatcher = stubOf(Dispatcher, { attemptedSince: () => lanes });
    const noteFound = (found: readonly FoundState[]) => {
      written.push([...found]);
      return isDown ? Promise.reject(new Error('the database is away')) : Promise.resolve();
    };
    limits = new FoundLimits(dispatcher, stubOf(DestinationRepository, { noteFound }));
  });

  afterEach(async () => {
    await limits.onModuleDestroy();
    jest.useRealTimers();
  });

  const pass = (seconds: number) => jest.advanceTimersByTimeAsync(seconds * 1_000);

  it('writes nothing while nothing is attempted', async () => {
    await pass(3_600);
    expect(written).toEqual([]);
  });

  it('writes together what was found, every four seconds while it changes and else every eight', async () => {
    lanes = ['webhook:1', 'flow:t1'].map((destination) => ({ destination, found: 2, circuit: closedCircuit() }));
    await pass(8);
    const both = lanes.map(({ destination }) => ({ destination, limit: 2, failures: 0 }));
    expect(written).toEqual([both]);
    await pass(4);
    expect(written).toEqual([both, both]);
    lanes[0]!.found = 4;
    await pass(4);
    expect(written.slice(2)).toEqual([[{ destination: 'webhook:1', limit: 4, failures: 0 }]]);
  });

  it('tells failures of a closed circuit alone', async () => {
    lanes = [
      { destination: 'webhook:1', found: 2, circuit: { ...closedCircuit(), failures: 3 } },
      { destination: 'webhook:2', found: 1, circuit: { ...closedCircuit(), failures: 5, state: 'open' } },
    ];
    await pass(4);
    expect(written).toEqual([
      [
        { destination: 'webhook:1', limit: 2, failures: 3 },
        { destination: 'webhook:2', limit: 1 },
      ],
    ]);
  });

  it('goes on when the database was away', async () => {
    isDown = true;
    lanes = [{ destination: 'webhook:1', found: 2, circuit: closedCircuit() }];
    await pass(16);
    expect(written).toHaveLength(2);
  });
});
