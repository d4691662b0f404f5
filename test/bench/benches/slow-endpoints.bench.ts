import { percentile, round } from '../../support/figures.js';
import type { LoadWorld } from '../../world/load-world.js';
import type { PlainBehavior } from '../../world/receivers/behavior.js';
import { atMost, type Bench, type BenchOptions, type Figure } from '../bench.js';
import { type Answers, latencies } from '../offered-load.js';
import { useWorld } from '../measured-world.js';
import { OFTEN } from '../rounds.js';

const HEALTHY_TENANTS = 10;
const ILL_TENANTS = 200;
const HOOKS = 10;
const WORLD = { tenants: HEALTHY_TENANTS + ILL_TENANTS, hooksPerTenant: HOOKS, analyses: false, thresholdSeconds: 0.2 };
/** Half of them of healthy tenants, which has each ill endpoint asked every ten seconds. */
const PER_SECOND = 40;
/** Healthy endpoints refuse the first attempt of so many sessions: never five in a row, which would open the circuit. */
const REFUSED_EVERY = 5;
const SLOW_MS = 4_000;
/** Shorter than the default of 15 s, so that hanging attempts end while the load lasts; slow ones keep within it. */
const ENV = { ...OFTEN, WEBHOOK_TIMEOUT_MS: '5000', DELIVERY_RETRY_SCHEDULE: '1s,1s,2s,2s,2s,4s,4s,4s,8s,8s,8s,8s' };
/** Circuits that have opened are probed after some ten seconds, and later each time. */
const DELIVERED_WITHIN_MS = 180_000;

/** What healthy endpoints feel of 2,000 others of which one half takes four seconds and the other hangs. */
export const slowEndpoints: Bench = {
  name: 'slow-endpoints',
  async run(options) {
    const none = { times: [] as number[], retryTimes: [] as number[], duplicates: 0 };
    const beside = { times: [] as number[], retryTimes: [] as number[], duplicates: 0 };
    for (let turn = 0; turn < (options.quick ? 1 : 2); turn++) {
      for (const [all, areIll] of [
        [none, false],
        [beside, true],
      ] as const) {
        // prettier-ignore
        const one = await once(options, areIll);
        all.times.push(...one.times);
        all.retryTimes.push(...one.retryTimes);
        all.duplicates += one.duplicates;
      }
    }
    const count = ILL_TENANTS * HOOKS;
    return [
      figure(`first attempts: p99 beside ${count} / beside none`, beside.times, none.times),
      figure(`retries: p99 beside ${count} / beside none`, beside.retryTimes, none.retryTimes),
      { name: 'duplicates where none is slow', value: none.duplicates, must: atMost(0) },
    ];
  },
};

function figure(name: string, beside: readonly number[], none: readonly number[]): Figure {
  const ms = (times: readonly number[], share: number) => Math.round(percentile(times, share));
  const both = (share: number) => `${ms(beside, share)} / ${ms(none, share)} ms`;
  const value = round(percentile(beside, 0.99) / percentile(none, 0.99));
  return { name, value, must: atMost(1.5), note: `p99 ${both(0.99)}, p50 ${both(0.5)}, of ${beside.length}` };
}

/** Each on a service and database of its own: circuits and backlogs of the turn before must not show. */
function once({ quick, ...options }: BenchOptions, areIll: boolean) {
  return useWorld(WORLD, options, async (world) => {
    await world.startService(ENV);
    const healthy = world.tenants.slice(0, HEALTHY_TENANTS);
    const ill = world.tenants.slice(HEALTHY_TENANTS);
    return latencies(world, {
      perSecond: PER_SECOND,
      seconds: quick ? 10 : 40,
      tenants: ill.flatMap((tenant, n) => [tenant, healthy[n % HEALTHY_TENANTS]!]),
      answers: answersOf(world, healthy, () => ({ kind: 'refuse-first', every: REFUSED_EVERY })),
      ill: answersOf(world, ill, (id) => (areIll ? illness(id) : { kind: 'ok' })), // none of them is measured
      deliveredWithinMs: DELIVERED_WITHIN_MS,
    });
  });
}

function illness(id: number): PlainBehavior {
  return id % 2 ? { kind: 'hang' } : { kind: 'delay', ms: SLOW_MS };
}

function answersOf(
  { hooks }: LoadWorld,
  tenants: readonly string[],
  behaviorOf: (id: number) => PlainBehavior,
): Answers {
  return hooks.filter(({ tenantId }) => tenants.includes(tenantId)).map(({ id }) => [`webhook:${id}`, behaviorOf(id)]);
}
