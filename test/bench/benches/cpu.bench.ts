import { median, round } from '../../support/figures.js';
import { DeliveryError, type LoadWorld } from '../../world/load-world.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { atMost, type Bench, type BenchOptions, type Figure } from '../bench.js';
import { type GiveCore, withCoreApart } from '../cores.js';
import { useWorld } from '../measured-world.js';
import { OFTEN, paceOfService } from '../rounds.js';

const SHAPE = { tenants: 10, hooksPerTenant: 2, analyses: false, thresholdSeconds: 0.5, anyBuild: true };
/** For the compiler: the same as in a pipeline. */
const WARM_UP = 5_000;
const SESSIONS = 2_000;
/** Each as short as that: a machine that is shared is faster and slower for seconds, and both builds must see both. */
const ROUNDS = 16;

/** A build in a world of its own, with its service. */
interface Side {
  name: string;
  world: LoadWorld;
  service: ServiceProcess;
  /** CPU seconds per 1,000 deliveries, a figure for each round. */
  cpu: number[];
}

/**
 * CPU of the whole service process, user and system, per 1,000 deliveries: each session is a flow trigger and two signed
 * webhooks, under production's defaults but for the pause between checks. With `--against DIR`, the build at DIR (with
 * its own dist and node_modules) does the same in turn, in a world of its own.
 */
export const cpu: Bench = {
  name: 'cpu',
  run: (options) => withCoreApart((giveCore) => withSides(options, (sides) => measure(sides, giveCore, options))),
};

function withSides(options: BenchOptions, work: (sides: Side[]) => Promise<Figure[]>): Promise<Figure[]> {
  const { against } = options;
  return withSide('this build', options, (mine) =>
    against
      ? withSide('the build compared with', { ...options, root: against }, (other) => work([mine, other]))
      : work([mine]),
  );
}

function withSide<T>(name: string, options: BenchOptions, work: (side: Side) => Promise<T>): Promise<T> {
  return useWorld(SHAPE, options, async (world) =>
    work({ name, world, service: await world.startService(OFTEN), cpu: [] }),
  );
}

async function measure(sides: Side[], giveCore: GiveCore, { quick, against }: BenchOptions): Promise<Figure[]> {
  for (const { service } of sides) giveCore(service.pid);
  for (const side of sides) await oneRound(side, quick ? 200 : WARM_UP);
  for (let n = 0; n < (quick ? 2 : ROUNDS); n++) {
    // the two take turns in going first
    for (const side of n % 2 === 0 ? sides : [...sides].reverse()) {
      side.cpu.push(await oneRound(side, quick ? 500 : SESSIONS));
    }
  }
  const [mine, other] = sides.map(figureOf);
  if (!other) return [mine!];
  const ratio = round(mine!.value / other.value);
  return [
    mine!,
    other,
    { name: 'CPU, this build / the build compared with', value: ratio, must: atMost(1.35), note: against! },
  ];
}

/** @returns CPU seconds per 1,000 deliveries */
async function oneRound({ name, world, service }: Side, sessions: number): Promise<number> {
  await world.addExpired(sessions, { parked: true });
  const pace = await paceOfService(world, service, sessions);
  const again = await world.check();
  if (again > 0) throw new DeliveryError(`${name}: ${again} deliveries arrived again although nothing was killed`);
  await world.forgetSessions();
  return pace.cpu / world.deliveriesPerSession;
}

function figureOf({ name, cpu: rounds }: Side): Figure {
  return {
    name: `CPU seconds per 1,000 deliveries, ${name}`,
    value: round(median(rounds), 3),
    unit: 's',
    note: `rounds ${rounds.map((one) => round(one, 3)).join(', ')}`,
  };
}
