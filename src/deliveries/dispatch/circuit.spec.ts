import fc from 'fast-check';
import { afterAttempt, type Circuit, closedCircuit, healthOf } from './circuit.js';

const BASE_MS = 30_000;
const NOW = 1_000_000;

function after(circuit: Circuit, ...healths: ('well' | 'unwell')[]): Circuit {
  return healths.reduce((state, health) => afterAttempt(state, health, NOW, BASE_MS), circuit);
}
const failures = (count: number) => Array.from({ length: count }, () => 'unwell' as const);

describe('healthOf', () => {
  const failed = (statusCode?: number) => ({
    result: 'failed' as const,
    code: 'x',
    message: 'x',
    durationMs: 1,
    retryable: true,
    ...(statusCode === undefined ? {} : { statusCode }),
  });

  it.each([500, 503, 429, 408])('holds %i against the destination', (status) =>
    expect(healthOf(failed(status), 'flow')).toBe('unwell'),
  );
  it.each([400, 410, 302, 422])('takes %i for an answer to that delivery alone', (status) =>
    expect(healthOf(failed(status), 'webhook')).toBe('well'),
  );
  it.each([401, 403, 404])(
    "holds %i against a customer's endpoint, not against a service of the platform",
    (status) => {
      expect(healthOf(failed(status), 'webhook')).toBe('unwell');
      expect(healthOf(failed(status), 'flow')).toBe('well');
    },
  );
  it('holds silence against the destination', () => expect(healthOf(failed(), 'webhook')).toBe('unwell'));
  it('learns nothing from a delivery that was never sent', () => {
    expect(healthOf({ result: 'cancelled', reason: 'x' }, 'webhook')).toBeUndefined();
    expect(healthOf({ result: 'impossible', code: 'x', message: 'x' }, 'webhook')).toBeUndefined();
    expect(healthOf({ result: 'postponed', code: 'x', message: 'x', delayMs: 1 }, 'webhook')).toBeUndefined();
    expect(healthOf({ result: 'delivered', statusCode: 200, durationMs: 1 }, 'webhook')).toBe('well');
  });
});

describe('afterAttempt', () => {
  it('opens after five failures in a row, not after five among successes', () => {
    expect(after(closedCircuit(), ...failures(4)).state).toBe('closed');
    expect(after(closedCircuit(), ...failures(4), 'well', ...failures(4)).state).toBe('closed');
    expect(after(closedCircuit(), ...failures(5))).toMatchObject({ state: 'open', openUntil: NOW + BASE_MS });
  });

  it('is not moved by failures of attempts that were under way when it opened', () => {
    const open = after(closedCircuit(), ...failures(5));
    expect(after(open, ...failures(3))).toEqual(open);
  });

  it('is not moved by failures of attempts that were under way when it began to probe', () => {
    const probing = { ...after(closedCircuit(), ...failures(5)), state: 'probing' as const, since: 500 };
    expect(afterAttempt(probing, 'unwell', NOW, BASE_MS, 499)).toBe(probing);
    expect(afterAttempt(probing, 'unwell', NOW, BASE_MS, 500)).toMatchObject({ state: 'open', failures: 6 });
    const closed = afterAttempt(probing, 'well', NOW, BASE_MS, 500);
    expect(afterAttempt(closed, 'unwell', NOW, BASE_MS, 499)).toBe(closed);
    expect(afterAttempt(closed, 'unwell', NOW, BASE_MS, 501)).toMatchObject({ state: 'closed', failures: 1 });
  });

  it('rests twice as long after each probe that fails, ten minutes at most', () => {
    let circuit = after(closedCircuit(), ...failures(5));
    const rests: number[] = [];
    for (let probe = 0; probe < 7; probe++) {
      circuit = after({ ...circuit, state: 'probing' }, 'unwell');
      rests.push(circuit.openUntil - NOW);
    }
    expect(rests).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000]);
  });

  it('closes when the probe comes through, and forgets the openings', () => {
    const open = after(closedCircuit(), ...failures(5));
    expect(after({ ...open, state: 'probing' }, 'well')).toEqual(closedCircuit());
  });

  it('is closed after a success, and never open for more than ten minutes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('well' as const, 'unwell' as const), { maxLength: 60 }), (healths) => {
        const circuit = after(closedCircuit(), ...healths);
        expect(circuit.openUntil).toBeLessThanOrEqual(NOW + 600_000);
        if (healths.at(-1) === 'well') expect(circuit).toMatchObject({ state: 'closed', failures: 0 });
      }),
    );
  });
});
