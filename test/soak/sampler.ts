import type { Db, Filter } from 'mongodb';
import { readdirSync, readlinkSync } from 'node:fs';
import { percentile, preciseNow } from '../support/figures.js';
import { completionsIn, intendedIn } from '../world/record.js';
import { cpuSeconds, residentMb } from '../world/service/process-figures.js';
import type { SoakWorld } from './world.js';

/** What the service holds at one time, and what it did since the sample before. */
export interface Sample {
  /** Seconds since the load began. */
  at: number;
  rssMb: number;
  peakMb: number;
  sockets: number;
  timers: number;
  /** Documents in `completions`. */
  rows: number;
  /** Sessions with a delivery that is pending, failing endpoints aside; those of intents included. */
  openRows: number;
  /** Completions with a pending delivery to an endpoint that always fails: those must be kept. */
  failingRows: number;
  /** Documents in `integration-errors`. */
  errorRows: number;
  /** Sessions that hbf-core lists as ACTIVE: not ended, or not completed yet. */
  active: number;
  completedPerSecond: number;
  deliveriesPerSecond: number;
  latenessP50: number;
  latenessP99: number;
  /** Of the service; 1 is one core. */
  cores: number;
}

export class Sampler {
  /** Milliseconds, of all completions. */
  readonly lateness: number[] = [];
  private readonly failing: string[];
  private before: { at: number; cpu: number; accepted: number };

  constructor(
    private readonly world: SoakWorld,
    private readonly db: Db,
    private readonly beganAt = preciseNow(),
  ) {
    this.failing = world.failing.map(({ id }) => `webhook:${id}`);
    this.before = { at: beganAt, cpu: cpuSeconds(world.service.pid), accepted: 0 };
  }

  async take(): Promise<Sample> {
    const { service } = this.world;
    const { core, receivers } = this.world.load;
    const { active, lateness } = await core.call('figures', this.lateness.length);
    const { accepted } = await receivers.call('figures');
    this.lateness.push(...lateness);
    const now = { at: preciseNow(), cpu: cpuSeconds(service.pid), accepted };
    const seconds = (now.at - this.before.at) / 1000;
    const perSecond = (count: number) => count / seconds;
    const memory = residentMb(service.pid);
    const sample: Sample = {
      at: (now.at - this.beganAt) / 1000,
      rssMb: memory.now,
      peakMb: memory.peak,
      sockets: openSockets(service.pid),
      timers: await activeTimers(service.url),
      ...(await this.countRows()),
      active,
      completedPerSecond: perSecond(lateness.length),
      deliveriesPerSecond: perSecond(accepted - this.before.accepted),
      latenessP50: percentile(lateness, 0.5),
      latenessP99: percentile(lateness, 0.99),
      cores: perSecond(now.cpu - this.before.cpu),
    };
    this.before = now;
    return sample;
  }

  async countRows(): Promise<Pick<Sample, 'rows' | 'openRows' | 'failingRows' | 'errorRows'>> {
    const completions = completionsIn(this.db);
    const pendingAt = (destination: Filter<string>) =>
      completions.countDocuments({ open: true, deliveries: { $elemMatch: { state: 'pending', destination } } });
    return {
      rows: await completions.estimatedDocumentCount(),
      openRows: (await intendedIn(this.db)).length + (await pendingAt({ $nin: this.failing })),
      failingRows: await pendingAt({ $in: this.failing }),
      errorRows: await this.db.collection('integration-errors').estimatedDocumentCount(),
    };
  }
}

function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => target(`${folder}/${name}`).startsWith('socket:')).length;
}

/** Descriptors come and go while they are listed. */
function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

async function activeTimers(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/active_resources\{type="Timeout"[^}]*\} (\d+)/.exec(text)?.[1]);
}
