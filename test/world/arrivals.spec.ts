import { Arrivals, problemsOf } from './arrivals.js';

describe('the bookkeeper of arrivals', () => {
  let arrivals: Arrivals;

  beforeEach(() => {
    arrivals = new Arrivals();
    arrivals.expect('s1', 'flow:t1', 'webhook:1');
  });

  const arrive = (sessionId: string, ...destinations: string[]) => {
    for (const destination of destinations) arrivals.note({ sessionId, destination, at: 1 });
  };

  it('tells what is missing until each destination has accepted the session', () => {
    arrive('s1', 'flow:t1');
    expect(arrivals.report()).toMatchObject({
      expected: 2,
      arrived: 1,
      missing: [{ sessionId: 's1', destination: 'webhook:1' }],
    });
    arrive('s1', 'webhook:1');
    expect(problemsOf(arrivals.report())).toEqual([]);
    expect(arrivals.distinct).toBe(2);
  });

  it('tells what arrived where nothing was expected: another session, or another destination', () => {
    arrive('s1', 'flow:t1', 'webhook:1', 'webhook:9');
    arrive('s2', 'flow:t1');
    expect(problemsOf(arrivals.report())).toEqual(['2 arrived where nothing was expected: s2 flow:t1 | s1 webhook:9']);
  });

  it('tells duplicates that have a cause from those that have none', () => {
    arrive('s1', 'flow:t1', 'flow:t1', 'flow:t1', 'webhook:1', 'webhook:1');
    const report = arrivals.report(({ destination }) => (destination === 'flow:t1' ? 1 : 5));
    expect(report.duplicates).toEqual({ explained: 2, unexplained: 1 });
    expect(problemsOf(report)).toEqual(['1 arrived again without a cause: s1 flow:t1']);
    expect(arrivals.report().duplicates).toEqual({ explained: 0, unexplained: 3 });
  });

  it('takes what is expected in bulk, and counts without a list', () => {
    arrivals = new Arrivals({ keepsList: false });
    arrivals.expectAll([['flow:t1', ['a', 'b', 'c']]]);
    arrive('a', 'flow:t1');
    arrive('b', 'flow:t1');
    expect(arrivals.list).toEqual([]);
    expect(arrivals.timesOf({ sessionId: 'a', destination: 'flow:t1' })).toBe(1);
    expect(problemsOf(arrivals.report())).toEqual(['1 deliveries that did not arrive: c flow:t1']);
  });

  it('forgets sessions, expected and arrived', () => {
    arrivals.expect('s2', 'flow:t1');
    arrive('s1', 'flow:t1', 'flow:t1');
    arrivals.forget(['s1']);
    expect(arrivals.report()).toMatchObject({ expected: 1, missing: [{ sessionId: 's2' }], unexpected: [] });
    expect(arrivals.distinct).toBe(0);
    expect(arrivals.destinationsOf('s2')).toEqual(['flow:t1']);
  });

  it('tells its listener of each arrival', () => {
    const noted: string[] = [];
    arrivals.onArrival(({ destination }) => noted.push(destination));
    arrive('s1', 'webhook:1', 'flow:t1');
    expect(noted).toEqual(['webhook:1', 'flow:t1']);
  });
});
