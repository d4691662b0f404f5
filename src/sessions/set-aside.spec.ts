import { Logger } from '@nestjs/common';
import { SetAside } from './set-aside.js';

const HOUR_MS = 3_600_000;

describe('SetAside', () => {
  const warnings: unknown[] = [];

  beforeEach(() => {
    warnings.length = 0;
    jest.useFakeTimers();
    const silent = () => undefined;
    Logger.overrideLogger({ log: silent, error: silent, warn: (facts: unknown) => warnings.push(facts) });
  });

  afterEach(() => {
    jest.useRealTimers();
    Logger.overrideLogger(false);
  });

  it('leaves a session alone for an hour, and then lets it be tried again', () => {
    const setAside = new SetAside();
    setAside.add('s1', 't1', 'refused');
    expect(setAside.has('s1')).toBe(true);
    expect(setAside.has('s2')).toBe(false);
    jest.advanceTimersByTime(HOUR_MS);
    expect(setAside.has('s1')).toBe(false);
  });

  it('logs a session once, however often it is set aside again', () => {
    const setAside = new SetAside();
    for (let hour = 0; hour < 5; hour++) {
      setAside.add('s1', 't1', 'refused');
      jest.advanceTimersByTime(HOUR_MS + 1);
    }
    expect(warnings).toEqual([{ sessionId: 's1', tenantId: 't1', problem: 'refused' }]);
  });

  it('tells sessions without an id apart by tenant and problem', () => {
    const setAside = new SetAside();
    setAside.add(undefined, 't1', 'session.id must be a non-empty string');
    setAside.add(undefined, 't1', 'session.id must be a non-empty string');
    setAside.add(undefined, 't2', 'session.id must be a non-empty string');
    expect(warnings).toHaveLength(2);
  });

  it('remembers ten thousand at most, the newest', () => {
    const setAside = new SetAside();
    for (let n = 0; n <= 10_000; n++) setAside.add(`s${n}`, 't1', 'refused');
    expect(setAside.has('s0')).toBe(false);
    expect(setAside.has('s1')).toBe(true);
    expect(setAside.has('s10000')).toBe(true);
  });
});
