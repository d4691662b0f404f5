import { median, round } from '../../support/figures.js';
import { DeliveryError, type LoadWorld } from '../../world/load-world.js';
import { cpuSeconds } from '../../world/service/process-figures.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { atMost, type Bench, type BenchOptions, type Figure } from '../bench.js';
import { HELD, HeldChecks } from '../held-checks.js';
import { useWorld } from '../measured-world.js';

const SHAPE = { hooksPerTenant: 1, analyses: false, thresholdSeconds: 0.5 };
/** So that all pages but each tenant's last one are full. */
const FEW_TENANTS = 10;
const PER_SMALL_TENANT = 2;
const ROUNDS = 3;

/** The same sessions, of many tenants or of few, in a world of its own. */
interface Side {
  name: string;
  world: LoadWorld;
  checks: HeldChecks;
  service: ServiceProcess;
  rounds: Round[];
}

/** CPU seconds per 1,000 sessions, of one check and all deliveries that follow. */
interface Round {
  service: number;
  engine: number;
  perSecond: number;
}

/**
 * Very many tenants with two ended sessions each, against as many sessions of few tenants in full pages; each session is
 * a flow trigger and a signed webhook. One check each, in turn.
 */
export const smallTenants: Bench = {
  name: 'small-tenants',
  run(options) {
    const tenants = options.quick ? 500 : 10_000;
    return withSide('small tenants', tenants, options, (small) =>
      withSide('full pages', FEW_TENANTS, options, (full) => measure(small, full, tenants, options)),
    );
  },
};

function withSide<T>(name: string, tenants: number, options: BenchOptions, work: (side: Side) => Promise<T>) {
  return useWorld({ ...SHAPE, tenants }, options, async (world) => {
    const checks = await HeldChecks.of(world);
    return work({ name, world, checks, service: await world.startService(HELD), rounds: [] });
  });
}

async function measure(small: Side, full: Side, tenants: number, { quick }: BenchOptions): Promise<Figure[]> {
  const sessions = tenants * PER_SMALL_TENANT;
  for (const side of [small, full]) await oneRound(side, sessions); // for the compiler
  for (let n = 0; n < (quick ? 1 : ROUNDS); n++) {
    // the two take turns in going first
    for (const side of n % 2 === 0 ? [small, full] : [full, small]) side.rounds.push(await oneRound(side, sessions));
  }
  const of = `${tenants} tenants of ${PER_SMALL_TENANT}, / full pages`;
  return (['service', 'engine'] as const).map((process) => {
    const [mine, other] = [small, full].map(({ rounds }) => rounds.map((one) => one[process])) as [number[], number[]];
    const ratios = mine.map((cpu, index) => cpu / other[index]!);
    const list = (values: number[]) => values.map((value) => round(value)).join(', ');
    const rate = ({ rounds }: Side) => Math.round(median(rounds.map(({ perSecond }) => perSecond)));
    const note = `CPU seconds per 1,000: ${list(mine)} / ${list(other)}; ${rate(small)} / ${rate(full)} sessions/s`;
    return { name: `CPU of the ${process}, ${of}`, value: round(median(ratios)), must: atMost(1.5), note };
  });
}

async function oneRound({ name, world, checks, service }: Side, sessions: number): Promise<Round> {
  await world.addExpired(sessions, { parked: true });
  await checks.about(1);
  const pids = { service: service.pid, engine: world.installation.engine.pid };
  const before = { service: cpuSeconds(pids.service), engine: cpuSeconds(pids.engine) };
  const { perSecond } = await world.rateOfService(sessions);
  const spent = (process: keyof typeof pids) => ((cpuSeconds(pids[process]) - before[process]) * 1000) / sessions;
  const round = { service: spent('service'), engine: spent('engine'), perSecond };
  const again = await world.check();
  if (again > 0) throw new DeliveryError(`${name}: ${again} deliveries arrived again although nothing was killed`);
  await checks.about(1);
  await world.forgetSessions();
  return round;
}
