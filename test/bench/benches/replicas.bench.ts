import { cpus } from 'node:os';
import { mean, median, round, sum } from '../../support/figures.js';
import { DeliveryError, type LoadWorld } from '../../world/load-world.js';
import { cpuSeconds } from '../../world/service/process-figures.js';
import type { ServiceProcess } from '../../world/service/service-process.js';
import { atLeast, type Bench, exactly, type Figure } from '../bench.js';
import { holdTo, type Release } from '../cpu-share.js';
import { HELD, HeldChecks } from '../held-checks.js';
import { useWorld } from '../measured-world.js';
import { stopped } from '../rounds.js';

/** So many that the shares of the replicas, which a hash decides, are about alike. */
const WORLD = { tenants: 400, hooksPerTenant: 2, analyses: true, thresholdSeconds: 0.5 };
const REPLICAS = 4;
/** Of a core, for each replica: the engine, the platform and the receivers have the rest. */
const SHARE = 0.2;
const CHECKS_TOGETHER = 3;
/** After a replica has come or gone: its beat has been seen by then. */
const SETTLED_AFTER_CHECKS = 20;

interface Throughput {
  perSecond: number;
  /** Cores that each replica has used. */
  busy: number[];
}

/**
 * Throughput of four replicas on one database against one, each held to a fifth of a core, from the first list to the
 * last outcome that is written; and how often they ask hbf-core for each tenant. One is measured before and after.
 */
export const replicas: Bench = {
  name: 'replicas',
  run: ({ quick, ...options }) =>
    useWorld(WORLD, options, async (world) => new Comparison(world, await HeldChecks.of(world), quick).run()),
};

class Comparison {
  private readonly services: ServiceProcess[] = [];
  private readonly releases: Release[] = [];

  constructor(
    private readonly world: LoadWorld,
    private readonly checks: HeldChecks,
    private readonly quick: boolean,
  ) {}

  async run(): Promise<Figure[]> {
    const sessions = this.quick ? 400 : 1_500;
    const rounds = this.quick ? 1 : 2;
    try {
      await this.start(1);
      const before = await this.measure(sessions, rounds);
      await this.start(REPLICAS - 1);
      const four = await this.measure(REPLICAS * sessions, rounds);
      const together = await this.listsOfChecks();
      await this.keepOne();
      const after = await this.measure(sessions, rounds);
      return [...throughputOf([...before, ...after], four), ...together];
    } finally {
      this.releases.forEach((release) => release());
    }
  }

  /** Starts and warms up, without a limit; then each is held to its share. */
  private async start(count: number): Promise<void> {
    this.releases.splice(0).forEach((release) => release());
    for (let n = 0; n < count; n++) this.services.push(await this.world.startService(HELD));
    await this.settled();
    for (let n = 0; n < 2; n++) await this.round(this.services.length * (this.quick ? 200 : 2_000));
    for (const { pid } of this.services) this.releases.push(holdTo(SHARE, pid));
  }

  private async keepOne(): Promise<void> {
    this.releases.splice(1).forEach((release) => release());
    await Promise.all(this.services.splice(1).map(stopped));
    await this.world.core.call('letChecksIn'); // hbf-core holds those of the stopped ones, too
    await this.settled();
  }

  private async measure(sessions: number, rounds: number): Promise<Throughput[]> {
    const all: Throughput[] = [];
    for (let n = 0; n < rounds; n++) all.push(await this.round(sessions));
    return all;
  }

  private async round(sessions: number): Promise<Throughput> {
    const { world, services, checks } = this;
    await world.addExpired(sessions, { parked: true });
    await checks.about(services.length);
    const before = services.map(({ pid }) => cpuSeconds(pid));
    const { perSecond, seconds } = await world.rateOfService(sessions);
    const busy = services.map(({ pid }, index) => round((cpuSeconds(pid) - before[index]!) / seconds));
    if ((await world.check()) > 0) throw new DeliveryError('a delivery arrived again although nothing was killed');
    await checks.about(services.length);
    await world.forgetSessions();
    return { perSecond, busy };
  }

  /** Waits until all that run, and no others, share the tenants. */
  private async settled(): Promise<void> {
    for (let n = 0; n < SETTLED_AFTER_CHECKS; n++) {
      const { least, most, canaries } = await this.checks.once(this.services.length);
      if (least === 1 && most === 1 && canaries === this.services.length) return;
    }
    throw new DeliveryError(`${this.services.length} replicas do not share the tenants`);
  }

  private async listsOfChecks(): Promise<Figure[]> {
    const seen = [];
    for (let n = 0; n < CHECKS_TOGETHER; n++) seen.push(await this.checks.once(REPLICAS));
    const asked = { name: `lists of each tenant in ${CHECKS_TOGETHER} intervals, all replicas`, must: exactly(CHECKS_TOGETHER) }; // prettier-ignore
    const canaries = seen.map((one) => one.canaries).join(', ');
    const [least, most] = [seen.map((one) => one.least), seen.map((one) => one.most)];
    return [
      { ...asked, name: `${asked.name}, most`, value: sum(most), note: `canaries ${canaries}` },
      { ...asked, name: `${asked.name}, least`, value: sum(least) },
    ];
  }
}

function throughputOf(one: readonly Throughput[], four: readonly Throughput[]): Figure[] {
  const [rateOfOne, rateOfFour] = [one, four].map((all) => median(all.map(({ perSecond }) => perSecond))) as [number, number]; // prettier-ignore
  const list = (all: readonly Throughput[]) => all.map(({ perSecond }) => Math.round(perSecond)).join(', ');
  const used = four[0]!.busy.map((_, index) => round(mean(four.map(({ busy }) => busy[index]!))));
  const note = `sessions/s: one ${list(one)}; four ${list(four)}; cores used: one ${round(mean(one.map(({ busy }) => busy[0]!)))}, four ${used.join(' + ')}, of ${cpus().length}`;
  return [
    { name: `${REPLICAS} replicas / one, each held to ${SHARE} cores`, value: round(rateOfFour / rateOfOne), must: atLeast(3.2), aim: atLeast(3.7), note }, // prettier-ignore
  ];
}
