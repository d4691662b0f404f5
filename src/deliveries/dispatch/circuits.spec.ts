import { stubOf } from '../../../test/support/stub.js';
import { testConfig } from '../../../test/world/service/service-environment.js';
import { DestinationRepository } from '../../completions/destination.repository.js';
import { DueAlarm } from '../../completions/due-alarm.js';
import type { DeliveryResult } from '../../completions/transitions.js';
import { Clock } from '../../persistence/clock.js';
import { DeliveryEvents } from '../delivery-events.js';
import { Circuits } from './circuits.js';

const failed = (code: string, statusCode?: number): DeliveryResult =>
  ({ result: 'failed', code, message: code, durationMs: 1, retryable: true, ...(statusCode && { statusCode }) }); // prettier-ignore
const REFUSED = failed('ECONNREFUSED');
const DELIVERED: DeliveryResult = { result: 'delivered', statusCode: 200, durationMs: 1 };

describe("the circuit of one of the platform's services", () => {
  const until = new Date(Date.now() + 60_000);
  let circuits: Circuits;
  let saved: string[];

  beforeEach(() => {
    saved = [];
    const clock = new Clock();
    const destinations = stubOf(DestinationRepository, {
      openCircuit: (id, { until }) => {
        saved.push(`open ${id}`);
        return Promise.resolve(until);
      },
      closeCircuit: (id) => Promise.resolve(void saved.push(`close ${id}`)),
      takeProbe: () => Promise.resolve(true),
    });
    circuits = new Circuits(testConfig(), clock, destinations, new DueAlarm(clock), new DeliveryEvents());
  });

  const states = (...names: string[]) => names.map((name) => circuits.of(name).state);
  const note = (result: DeliveryResult, ...names: string[]) => names.forEach((name) => circuits.note(name, result));
  /** As the retry worker does when the time to probe has come. */
  const due = (_id: string) => ({ _id, version: 1, openUntil: new Date(0), openings: 1 });

  it('opens for all tenants when several in a row cannot be reached', () => {
    note(REFUSED, 'flow:a', 'flow:b', 'flow:c', 'flow:a');
    expect(states('flow:a', 'flow:other')).toEqual(['closed', 'closed']);
    note(REFUSED, 'flow:b');
    expect(states('flow:a', 'flow:other', 'surveys:a')).toEqual(['open', 'open', 'closed']);
    expect(saved).toEqual(['open flow:*']);
  });

  it.each([
    ['one tenant alone', () => note(REFUSED, ...Array<string>(20).fill('flow:a'))],
    ['time-outs', () => note(failed('timeout'), 'flow:a', 'flow:b', 'flow:c', 'flow:a', 'flow:b', 'flow:c')],
    ['answers', () => note(failed('http_500', 500), 'flow:a', 'flow:b', 'flow:c', 'flow:a', 'flow:b', 'flow:c')],
    [
      'a success among failures',
      () => {
        note(REFUSED, 'flow:a', 'flow:b', 'flow:c', 'flow:a');
        note(DELIVERED, 'flow:d');
        note(REFUSED, 'flow:b', 'flow:c');
      },
    ],
    [
      "customers' endpoints",
      () => note(REFUSED, 'webhook:1', 'webhook:2', 'webhook:3', 'webhook:1', 'webhook:2', 'webhook:3'),
    ],
  ] as [string, () => void][])('is not opened by %s', (_name, happens) => {
    // prettier-ignore
    happens();
    expect(states('flow:other', 'webhook:other')).toEqual(['closed', 'closed']);
  });

  it('is probed by one delivery of one tenant, and closes for all when it is delivered', async () => {
    note(REFUSED, 'flow:a', 'flow:b', 'flow:c', 'flow:a', 'flow:b');
    const [a, d] = [
      { _id: 'flow:a', version: 1 },
      { _id: 'flow:d', version: 1 },
    ];
    expect(await circuits.admit(d, until, [due('flow:*')])).toBe(true);
    expect(await circuits.admit(a, until, [due('flow:*')])).toBe(false);
    expect(states('flow:d', 'flow:a')).toEqual(['probing', 'open']);
    note(DELIVERED, 'flow:d');
    expect(states('flow:d', 'flow:a')).toEqual(['closed', 'closed']);
    expect(saved).toEqual(['open flow:*', 'close flow:*']);
  });

  it('rests on when the probe cannot reach it, and lets another go when the probe came to nothing', async () => {
    note(REFUSED, 'flow:a', 'flow:b', 'flow:c', 'flow:a', 'flow:b');
    await circuits.admit({ _id: 'flow:d', version: 1 }, until, [due('flow:*')]);
    circuits.releaseProbe('flow:d');
    expect(await circuits.admit({ _id: 'flow:a', version: 1 }, until, [due('flow:*')])).toBe(true);
    note(REFUSED, 'flow:a');
    expect(states('flow:a', 'flow:d')).toEqual(['open', 'open']);
    expect(await circuits.admit({ _id: 'flow:a', version: 1 }, until, [])).toBe(true); // another replica closed it
    expect(states('flow:d')).toEqual(['closed']);
  });
});

describe("the circuit of a customer's endpoint", () => {
  it.each([401, 403, 404])('opens when it answers every delivery with %i', (status) => {
    const clock = new Clock();
    const destinations = stubOf(DestinationRepository, { openCircuit: (_id, { until }) => Promise.resolve(until) });
    const circuits = new Circuits(testConfig(), clock, destinations, new DueAlarm(clock), new DeliveryEvents());
    for (let n = 0; n < 5; n++) circuits.note('webhook:1', failed(`http_${status}`, status));
    expect(circuits.of('webhook:1').state).toBe('open');
  });
});

describe('an open circuit', () => {
  it('counts the failures of its probes too, and sets the alarm for when it may probe again', async () => {
    const clock = new Clock();
    const alarms: Date[] = [];
    const opened: number[] = [];
    const sooner = new Date(clock.now());
    const destinations = stubOf(DestinationRepository, {
      openCircuit: (_id, { failures }) => Promise.resolve((opened.push(failures), sooner)),
      takeProbe: () => Promise.resolve(true),
    });
    const alarm = stubOf(DueAlarm, { setFor: (at) => void alarms.push(at) });
    const circuits = new Circuits(testConfig(), clock, destinations, alarm, new DeliveryEvents());
    for (let n = 0; n < 5; n++) circuits.note('webhook:1', failed('http_503', 503));
    const due = { _id: 'webhook:1', version: 1, openUntil: new Date(0), openings: 1, failures: 5 };
    expect(await circuits.admit(due, new Date(clock.now() + 60_000))).toBe(true);
    const { since } = circuits.of('webhook:1');
    circuits.note('webhook:1', failed('timeout'), since - 1); // under way since before
    expect(circuits.of('webhook:1').state).toBe('probing');
    circuits.note('webhook:1', failed('timeout'), since);
    await Promise.resolve();
    expect([circuits.of('webhook:1').state, opened, alarms]).toEqual(['open', [5, 6], [sooner, sooner]]);
  });
});
