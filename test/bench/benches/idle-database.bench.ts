import { setTimeout as delay } from 'node:timers/promises';
import { round } from '../../support/figures.js';
import { atMost, type Bench } from '../bench.js';
import { CommandCounter } from '../../world/command-counter.js';
import { useWorld } from '../measured-world.js';

const SETTLE_MS = 3_000;
const WORLD = { tenants: 10, hooksPerTenant: 1, analyses: true, thresholdSeconds: 3_600 };

/** Database commands, heartbeats included, of a replica that has nothing to do, with the intervals as they are by default. */
export const idleDatabase: Bench = {
  name: 'idle-database',
  run: ({ quick, ...options }) =>
    useWorld(WORLD, options, async (world) => {
      const counter = await CommandCounter.start(world.databaseUri);
      try {
        await world.startService({ MONGODB_URI: counter.uri });
        await delay(SETTLE_MS); // the first check belongs to the start
        const seconds = quick ? 5 : 35; // a recovery is due each 30 s
        const before = counter.total;
        await delay(seconds * 1_000);
        const commands = counter.total - before;
        const note = `${commands} in ${seconds} s; all since the start: ${[...counter.counts].map(([name, n]) => `${name} ${n}`).join(', ')}`;
        return [{ name: 'commands per second', value: round(commands / seconds), must: atMost(1), note }];
      } finally {
        counter.stop();
      }
    }),
};
