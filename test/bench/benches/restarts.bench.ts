import { setTimeout as delay } from 'node:timers/promises';
import { percentile, preciseNow, round } from '../../support/figures.js';
import type { LoadWorld } from '../../world/load-world.js';
import { atMost, type Bench } from '../bench.js';
import { useWorld } from '../measured-world.js';
import { OFTEN } from '../rounds.js';

const WORLD = { tenants: 20, hooksPerTenant: 1, analyses: false, thresholdSeconds: 0.5 };
const PER_SECOND = 200;
const KILLS = 20;
const KILL_EVERY_MS = 2_500;
/** The load begins with the first process ready, and ends some time after the last one has started. */
const REST_SECONDS = 5;
const DELIVERED_WITHIN_MS = 120_000;
/**
 * What a killed process held is free five seconds after its last beat, and is completed a second later at most; what
 * ends meanwhile waits for one check more. Half a second for the way to the receiver.
 */
const P99_MS = 6_000 + Number(OFTEN.CHAT_SESSION_CHECK_INTERVAL_IN_MINS) * 60_000 + 500;

/**
 * A service that is killed again and again, and restarted at once under the same INSTANCE_NAME, while sessions end:
 * milliseconds from the end of a session, by its threshold, to the first byte of its webhook at the receiver.
 */
export const restarts: Bench = {
  name: 'restarts',
  run: ({ quick, ...options }) =>
    useWorld(WORLD, options, async (world) => {
      const kills = quick ? 3 : KILLS;
      const seconds = Math.ceil((kills * KILL_EVERY_MS) / 1000) + REST_SECONDS;
      await world.receivers.call('behave', { keepsList: true });
      const [readyAfter] = await Promise.all([
        killAndRestart(world, kills),
        world.core.call('stream', { tenants: world.tenants, perSecond: PER_SECOND, seconds }),
      ]);
      await world.arrived(PER_SECOND * seconds, DELIVERED_WITHIN_MS);
      const times = await timesOf(world);
      const again = await world.check();
      const note = `${times.length} webhooks, ${kills} kills each ${KILL_EVERY_MS / 1000} s, a check each 1.2 s; ready ${round(percentile(readyAfter, 0.5) / 1000, 1)} s after a kill`;
      const [p50, p99, most] = [0.5, 0.99, 1].map((share) => round(percentile(times, share) / 1000, 2)) as [number, number, number]; // prettier-ignore
      return [
        { name: 'from due to delivered, p50', value: p50, unit: 's', note },
        { name: 'from due to delivered, p99', value: p99, unit: 's', must: atMost(P99_MS / 1000) },
        { name: 'from due to delivered, most', value: most, unit: 's' },
        { name: 'lost', value: 0, must: atMost(0), note: 'else the run is void' },
        { name: 'delivered again, after a kill between the sending and its note', value: again },
      ];
    }),
};

/** @returns milliseconds from each kill to the readiness of the next process, of those that became ready */
async function killAndRestart(world: LoadWorld, kills: number): Promise<number[]> {
  const env = { ...OFTEN, INSTANCE_NAME: 'restarted' };
  const readyAfter: number[] = [];
  let service = await world.startService(env);
  const beganAt = preciseNow();
  for (let n = 1; n <= kills; n++) {
    await delay(beganAt + n * KILL_EVERY_MS - preciseNow());
    const killed = service.kill();
    const killedAt = preciseNow();
    service = await world.spawnService(env);
    await killed;
    const ready = service.waitReady(KILL_EVERY_MS).then(() => readyAfter.push(preciseNow() - killedAt));
    ready.catch(() => undefined); // killed before it was
  }
  await service.waitReady();
  return readyAfter;
}

async function timesOf(world: LoadWorld): Promise<number[]> {
  const endedAt = new Map(await world.core.call('endedAt'));
  const firstAt = new Map<string, number>();
  for (const { sessionId, destination, at } of await world.receivers.call('list')) {
    if (destination.startsWith('webhook:') && !firstAt.has(sessionId)) firstAt.set(sessionId, at);
  }
  return [...firstAt].map(([sessionId, at]) => at - endedAt.get(sessionId)!);
}
