import { cpus } from 'node:os';
import { round } from '../../support/figures.js';
import { type Bench } from '../bench.js';
import { cpuSeconds } from '../../world/service/process-figures.js';
import { useWorld } from '../measured-world.js';

const WORLD = { tenants: 48, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.5 };
const CHECK = { CHAT_SESSION_CHECK_INTERVAL_IN_MINS: '0.02' };

/** Throughput of two replicas on one database against one, and who used the processors meanwhile. */
export const replicas: Bench = {
  name: 'replicas',
  run: ({ quick, ...options }) =>
    useWorld(WORLD, options, async (world) => {
      const sessions = quick ? 500 : 4_000;
      const services = [await world.startService(CHECK)];
      const rate = async (count: number) => {
        await world.addExpired(count, { parked: true });
        const before = services.map(({ pid }) => cpuSeconds(pid));
        const { perSecond, seconds } = await world.rateOfService(count);
        const busy = services.map(({ pid }, index) => round((cpuSeconds(pid) - before[index]!) / seconds));
        const duplicates = await world.check();
        await world.forgetSessions();
        return { perSecond, busy, duplicates };
      };
      await rate(200);
      const one = await rate(sessions);
      services.push(await world.startService(CHECK));
      await rate(200);
      const two = await rate(sessions);
      const note = `${cpus().length} cores; ${Math.round(two.perSecond)} / ${Math.round(one.perSecond)} sessions/s; cores used: one ${one.busy.join()}, two ${two.busy.join(' + ')}`;
      return [
        { name: 'two replicas / one', value: round(two.perSecond / one.perSecond), note },
        { name: 'duplicates', value: one.duplicates + two.duplicates },
      ];
    }),
};
