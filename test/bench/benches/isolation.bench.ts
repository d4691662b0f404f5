import { percentile, round } from '../../support/figures.js';
import { atMost, type Bench, type BenchOptions } from '../bench.js';
import { type Answers, latencies } from '../offered-load.js';
import { useWorld } from '../measured-world.js';

const WORLD = { tenants: 20, hooksPerTenant: 1, analyses: false, thresholdSeconds: 0.2 };
const HANGING = ['webhook:7', 'webhook:14']; // a tenth of the endpoints
const PER_SECOND = 100;
/** Shorter than the default of 15 s, so that hanging attempts end while the load lasts. */
const TIMEOUT_MS = 3_000;

/** What a healthy endpoint feels of others that hang until the time-out. */
export const isolation: Bench = {
  name: 'isolation',
  async run(options) {
    const healthy: number[] = [];
    const beside: number[] = [];
    let duplicates = 0;
    for (let turn = 0; turn < (options.quick ? 1 : 2); turn++) {
      for (const [all, hanging] of [
        [healthy, []],
        [beside, HANGING],
      ] as const) {
        const one = await once(options, [...hanging]);
        all.push(...one.times);
        if (hanging.length === 0) duplicates += one.duplicates;
      }
    }
    const [p99Healthy, p99Beside] = [percentile(healthy, 0.99), percentile(beside, 0.99)];
    const note = `p99 ${round(p99Beside, 1)} / ${round(p99Healthy, 1)} ms, p50 ${round(percentile(beside, 0.5), 1)} / ${round(percentile(healthy, 0.5), 1)} ms`;
    return [
      { name: 'p99 beside hanging ones / p99 beside none', value: round(p99Beside / p99Healthy), must: atMost(1.5), aim: atMost(1.1), note }, // prettier-ignore
      { name: 'duplicates where none hangs', value: duplicates, must: atMost(0) },
    ];
  },
};

/** Each on a service and database of its own: circuits and backlogs of the turn before must not show. */
function once({ quick, ...options }: BenchOptions, hanging: string[]) {
  return useWorld(WORLD, options, async (world) => {
    const env = {
      CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.002',
      WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS),
      DELIVERY_RETRY_SCHEDULE: '500ms,1s,1s,1s,2s,2s,2s,4s,4s,4s,8s,8s',
    };
    await world.startService(env);
    const ill: Answers = hanging.map((destination) => [destination, { kind: 'hang' }]);
    return latencies(world, { perSecond: PER_SECOND, seconds: quick ? 4 : 12, ill });
  });
}
