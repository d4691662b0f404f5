import { Logger } from '@nestjs/common';
import { Quarantine } from './quarantine.js';

const HOUR_MS = 3_600_000;

describe('Quarantine', () => {
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
    const quarantine = new Quarantine();
    quarantine.add('s1', 't1', 'refused');
    expect(quarantine.has('s1')).toBe(true);
    expect(quarantine.has('s2')).toBe(false);
    jest.advanceTimersByTime(HOUR_MS);
    expect(quarantine.has('s1')).toBe(false);
  });

  it('logs a session once, however often it is quarantined', () => {
    const quarantine = new Quarantine();
    for (let hour = 0; hour < 5; hour++) {
      quarantine.add('s1', 't1', 'refused');
      jest.advanceTimersByTime(HOUR_MS + 1);
    }
    expect(warnings).toEqual([{ sessionId: 's1', tenantId: 't1', problem: 'refused' }]);
  });

  it('tells sessions without an id apart by tenant and problem', () => {
    const quarantine = new Quarantine();
    quarantine.add(undefined, 't1', 'session.id must be a non-empty string');
    quarantine.add(undefined, 't1', 'session.id must be a non-empty string');
    quarantine.add(undefined, 't2', 'session.id must be a non-empty string');
    expect(warnings).toHaveLength(2);
  });

  it('remembers ten thousand at most, the newest', () => {
    const quarantine = new Quarantine();
    for (let n = 0; n <= 10_000; n++) quarantine.add(`s${n}`, 't1', 'refused');
    expect(quarantine.has('s0')).toBe(false);
    expect(quarantine.has('s1')).toBe(true);
    expect(quarantine.has('s10000')).toBe(true);
  });
});
