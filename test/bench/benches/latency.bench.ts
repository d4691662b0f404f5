import { percentile, round } from '../../support/figures.js';
import { atMost, type Bench } from '../bench.js';
import { latencies } from '../offered-load.js';
import { useWorld } from '../measured-world.js';

const WORLD = { tenants: 10, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.2 };
const PER_SECOND = 100;

/** From hbf-core's answer to the PATCH to the first byte at the receiver, at a steady load. */
export const latency: Bench = {
  name: 'latency',
  run: ({ quick, ...options }) =>
    useWorld(WORLD, options, async (world) => {
      await world.startService({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.002' });
      const { times, duplicates } = await latencies(world, { perSecond: PER_SECOND, seconds: quick ? 4 : 14 });
      const note = `${times.length} webhooks of ${PER_SECOND} sessions/s, a check each 0.12 s`;
      return [
        { name: 'p50', value: round(percentile(times, 0.5), 1), unit: 'ms', must: atMost(50), aim: atMost(15), note },
        { name: 'p99', value: round(percentile(times, 0.99), 1), unit: 'ms', must: atMost(500), aim: atMost(100) },
        { name: 'duplicates', value: duplicates, must: atMost(0) },
      ];
    }),
};
