import { round } from '../../support/figures.js';
import { atMost, type Bench, type BenchOptions } from '../bench.js';
import { residentMb } from '../../world/service/process-figures.js';
import { useWorld } from '../measured-world.js';

const AT_MOST_SECONDS = 300;
const WORLD = { tenants: 10, hooksPerTenant: 0, analyses: false, thresholdSeconds: 0.5 };

/**
 * Peak resident memory by the number of sessions that wait when the service comes up. Flow triggers only: what may pile
 * up is sessions, and each delivery more would only make it last longer.
 */
export const memory: Bench = {
  name: 'memory',
  async run(options) {
    const [few, most] = options.quick ? [200, 1_500] : [1_000, 100_000];
    const small = await peak(few, options);
    // on a machine that would take hours, fewer: the figure's name says how many
    const many = Math.min(most, Math.max(3 * few, Math.round((few / small.seconds) * AT_MOST_SECONDS)));
    const large = await peak(many, options);
    const note = `${round(large.mb, 0)} MB at ${many} sessions, ${round(small.mb, 0)} MB at ${few}; ${Math.round(many / large.seconds)} sessions/s`;
    return [
      { name: `peak RSS, ${many} expired sessions more than ${few}`, value: round(large.mb - small.mb, 1), unit: 'MB', must: atMost(64), aim: atMost(16), note }, // prettier-ignore
    ];
  },
};

function peak(sessions: number, options: BenchOptions): Promise<{ mb: number; seconds: number }> {
  return useWorld(WORLD, options, async (world) => {
    await world.addExpired(sessions, { parked: true });
    const service = await world.startService({ CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.01' });
    const { seconds } = await world.rateOfService(sessions);
    await world.check();
    return { mb: residentMb(service.pid).peak, seconds };
  });
}
