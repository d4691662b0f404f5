import type { Db } from 'mongodb';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile, preciseNow } from '../support/figures.js';
import { waitFor } from '../support/wait-for.js';
import { type ArrivalsReport, type Expected, problemsOf as problemsOfArrivals } from '../world/arrivals.js';
import { completionsIn } from '../world/record.js';
import { FastPurge } from './fast-purge.js';
import { LATENESS_BOUND_MS, type Trend, trends } from './rules.js';
import { type Sample, Sampler } from './sampler.js';
import { SoakWorld, type SoakWorldOptions } from './world.js';

const SAMPLES = 30;
/** Of the run; so rows stand still from the end of the first fifth on. */
export const RETENTION_SHARE = 0.1;
const DRAINED_WITHIN_MS = 120_000;

export interface SoakOptions extends SoakWorldOptions {
  perSecond: number;
  seconds: number;
  onSample?: (sample: Sample) => void;
}

export interface SoakResult {
  options: SoakOptions;
  sessions: number;
  /** Seconds that it took to offer them. */
  offeredIn: number;
  /** Seconds from the last session's offer until nothing was pending any more, failing endpoints aside. */
  drainedIn: number;
  samples: Sample[];
  trends: Trend[];
  lateness: { p50: number; p99: number; most: number };
  /** Failing endpoints aside; they accept nothing. */
  arrivals: ArrivalsReport;
  /** How often hbf-core was asked to complete a session that was completed already. */
  completedAgain: number;
  refused: number;
  /** Deliveries to failing endpoints, by what the database says of them. */
  toFailing: { pending: number; dead: number; other: number };
  purged: number;
  rowsLeft: { rows: number; failingRows: number };
  problems: string[];
  warnings: [message: string, count: number][];
}

/** Offers sessions at a steady rate, looks at the service thirty times meanwhile, then checks what arrived. */
export function runSoak(options: SoakOptions): Promise<SoakResult> {
  return SoakWorld.use(options, async (world) => {
    const purge = new FastPurge(world.load.databaseUri);
    await purge.open();
    try {
      return await new Soak(world, purge, options).run();
    } finally {
      await purge.close();
    }
  });
}

class Soak {
  private readonly sampler: Sampler;
  private readonly db: Db;
  private purged = 0;

  constructor(
    private readonly world: SoakWorld,
    private readonly purge: FastPurge,
    private readonly options: SoakOptions,
  ) {
    this.db = world.load.installation.db;
    this.sampler = new Sampler(world, this.db);
  }

  async run(): Promise<SoakResult> {
    const { perSecond, seconds } = this.options;
    const { tenants, core } = this.world.load;
    const [offeredIn, samples] = await Promise.all([
      core.call('stream', { tenants, perSecond, seconds }),
      this.watch(),
    ]);
    const drainedIn = await this.drain();
    await this.sampler.take(); // the lateness of the last ones
    const { lateness } = this.sampler;
    const delivered = await this.checkDeliveries();
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(lateness, share)) as [number, number, number];
    const result = {
      options: this.options,
      sessions: Math.round(perSecond * seconds),
      offeredIn,
      drainedIn,
      samples,
      trends: trends(samples, perSecond),
      lateness: { p50, p99, most },
      ...delivered,
      purged: this.purged,
      warnings: this.warnings(),
    };
    return { ...result, problems: problemsOf(result, await core.call('violations')) };
  }

  private async watch(): Promise<Sample[]> {
    const everyMs = (this.options.seconds * 1000) / SAMPLES;
    const keptMs = this.options.seconds * 1000 * RETENTION_SHARE;
    const beganAt = preciseNow();
    const samples: Sample[] = [];
    while (samples.length < SAMPLES) {
      await delay(Math.max(0, beganAt + (samples.length + 1) * everyMs - preciseNow()));
      this.purged += await this.purge.run(keptMs);
      const sample = await this.sampler.take();
      samples.push(sample);
      this.options.onSample?.(sample);
    }
    return samples;
  }

  /** What is still on its way when the load ends is delivered. @returns seconds; what is missing shows in the check */
  private async drain(): Promise<number> {
    const beganAt = preciseNow();
    const nothingOpen = async () => {
      const { active } = await this.world.load.core.call('figures', this.sampler.lateness.length);
      return active === 0 && (await this.sampler.countRows()).openRows === 0;
    };
    await waitFor('all to be delivered', nothingOpen, { timeoutMs: DRAINED_WITHIN_MS, intervalMs: 200 }).catch(
      (error: Error) => console.error(error.message),
    );
    return (preciseNow() - beganAt) / 1000;
  }

  private async checkDeliveries() {
    const { core, receivers } = this.world.load;
    const arrivals = await receivers.call('report', await this.world.expected());
    const { refused } = await receivers.call('figures');
    const toFailing = await this.statesOf(await this.world.expectedAtFailing());
    this.purged += await this.purge.run(0);
    const { rows, failingRows } = await this.sampler.countRows();
    return {
      arrivals,
      completedAgain: await core.call('completedAgain'),
      refused,
      toFailing,
      rowsLeft: { rows, failingRows },
    };
  }

  /** What the rows say of each delivery to an endpoint that always fails. */
  private async statesOf(failing: Expected): Promise<SoakResult['toFailing']> {
    const result = { pending: 0, dead: 0, other: 0 };
    for (const [destination, ids] of failing) {
      const found = await completionsIn(this.db)
        .find({ _id: { $in: ids } }, { projection: { deliveries: 1 } })
        .toArray();
      const states = new Map(
        found.map(({ _id, deliveries }) => [_id, deliveries.find((one) => one.destination === destination)]),
      );
      for (const id of ids) {
        const delivery = states.get(id);
        if (delivery?.state === 'pending' && delivery.dueAt) result.pending++;
        else if (delivery?.state === 'dead') result.dead++;
        else result.other++;
      }
    }
    return result;
  }

  private warnings(): [string, number][] {
    const counts = new Map<string, number>();
    for (const { msg = '?' } of this.world.service.logs) counts.set(msg, (counts.get(msg) ?? 0) + 1);
    return [...counts];
  }
}

function problemsOf(result: Omit<SoakResult, 'problems'>, violations: string[]): string[] {
  const problems = violations.slice(0, 3);
  const { arrivals, lateness, toFailing, rowsLeft } = result;
  for (const { name, early, late, most } of result.trends) {
    const grows = `${name} grew from ${early.toFixed(1)} to ${late.toFixed(1)}, more than to ${most.toFixed(1)}`;
    if (!(late <= most)) problems.push(grows); // NaN, too
  }
  if (!(lateness.p99 <= LATENESS_BOUND_MS)) problems.push(`lateness: p99 ${lateness.p99} ms > ${LATENESS_BOUND_MS} ms`);
  problems.push(...problemsOfArrivals({ ...arrivals, unexplained: [] })); // an attempt that timed out is made again
  if (toFailing.other > 0) problems.push(`${toFailing.other} deliveries to failing endpoints neither pending nor dead`);
  if (rowsLeft.rows !== rowsLeft.failingRows) problems.push(`${rowsLeft.rows} rows left beyond retention`);
  return problems;
}
